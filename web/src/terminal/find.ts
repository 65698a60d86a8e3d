// What is looked for in a terminal, and what can be said of the result.

export interface FindOptions {
  caseSensitive: boolean
  wholeWord: boolean
  regex: boolean
}

export interface FindState extends FindOptions {
  term: string
  /** As the search says it: `index` from 0, -1 when there are more than it counts. */
  index: number
  count: number
}

export type FindChange =
  | { type: 'term'; term: string }
  | { type: 'toggle'; option: keyof FindOptions }
  | { type: 'found'; index: number; count: number }

export const NOTHING: FindState = {
  term: '',
  caseSensitive: false,
  wholeWord: false,
  regex: false,
  index: -1,
  count: 0,
}

export function changeFind(now: FindState, change: FindChange): FindState {
  switch (change.type) {
    case 'term':
      return { ...now, term: change.term, index: -1, count: 0 }
    case 'toggle':
      return { ...now, [change.option]: !now[change.option], index: -1, count: 0 }
    case 'found':
      return { ...now, index: change.index, count: change.count }
  }
}

/** False for nothing, for a regular expression that is none, and for one that would match everywhere. */
export function canFind({ term, regex }: Pick<FindState, 'term' | 'regex'>): boolean {
  if (term === '') return false
  if (!regex) return true
  try {
    return !new RegExp(term).test('')
  } catch {
    return false
  }
}

export type FindWords =
  | { key: 'find.empty' }
  | { key: 'find.bad' }
  | { key: 'find.none' }
  | { key: 'find.of'; n: number; count: number }
  | { key: 'find.many'; count: number }

export function findWords(state: FindState): FindWords {
  if (state.term === '') return { key: 'find.empty' }
  if (!canFind(state)) return { key: 'find.bad' }
  if (state.count === 0) return { key: 'find.none' }
  if (state.index < 0) return { key: 'find.many', count: state.count }
  return { key: 'find.of', n: state.index + 1, count: state.count }
}
