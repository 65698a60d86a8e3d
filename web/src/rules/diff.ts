// What is different between two rule sets: by rule and by group, and line by line within one.

import type { CommandGroup, Control, Rule, RuleSet } from '../api/rules.ts'

export interface Line {
  sign: '+' | '-' | ' '
  text: string
}

export interface Change {
  what: 'rule' | 'group' | 'rest' | 'control'
  id: string
  kind: 'added' | 'removed' | 'changed'
  lines: Line[]
}

/** Without the commas at the ends: where one more line follows, this one is no other. */
const pretty = (value: unknown) =>
  value === undefined ? [] : JSON.stringify(value, null, 2).replace(/,$/gm, '').split('\n')

/** The longest common lines stay; a rule has few, so the plain way is quick enough. */
export function diffLines(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1
  const common = new Uint16Array((before.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] ?? 0
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: Line[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [old, now] = [before[i], after[j]]
    if (old !== undefined && old === now) {
      lines.push({ sign: ' ', text: old })
      i++
      j++
    } else if (old !== undefined && (now === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: old })
      i++
    } else {
      lines.push({ sign: '+', text: now ?? '' })
      j++
    }
  }
  return lines
}

function byId(what: 'rule' | 'group', before: readonly (Rule | CommandGroup)[], after: typeof before) {
  const old = new Map(before.map((one) => [one.id, one]))
  const now = new Map(after.map((one) => [one.id, one]))
  const changes: Change[] = []
  for (const id of new Set([...now.keys(), ...old.keys()])) {
    const [a, b] = [old.get(id), now.get(id)]
    const lines = diffLines(pretty(a), pretty(b))
    if (lines.every(({ sign }) => sign === ' ')) continue
    changes.push({ what, id, kind: a ? (b ? 'changed' : 'removed') : 'added', lines })
  }
  return changes
}

/** Two stored documents. */
export interface Sides {
  rules: RuleSet
  control?: Control | undefined
}

export function diffDocuments(before: Sides, after: Sides): Change[] {
  const lines = diffLines(pretty(before.control), pretty(after.control))
  const same = lines.every(({ sign }) => sign === ' ')
  return [
    ...diffSets(before.rules, after.rules),
    ...(same ? [] : [{ what: 'control', id: '', kind: 'changed', lines } satisfies Change]),
  ]
}

export function diffSets(before: RuleSet, after: RuleSet): Change[] {
  const rest = ({ rules: _, command_groups: __, ...others }: RuleSet) => pretty(others)
  const lines = diffLines(rest(before), rest(after))
  return [
    ...byId('rule', before.rules ?? [], after.rules ?? []),
    ...byId('group', before.command_groups ?? [], after.command_groups ?? []),
    ...(lines.some(({ sign }) => sign !== ' ')
      ? [{ what: 'rest', id: '', kind: 'changed', lines } satisfies Change]
      : []),
  ]
}
