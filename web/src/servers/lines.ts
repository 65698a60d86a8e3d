// Line mode: what the server says of lines, and what is shown of it.

export interface Words {
  en: string
  zh: string
}

interface Ended {
  command: string
  output: string
  status: 'success' | 'error'
  exit_status: number | null
  signal?: string
  error?: string
  refusal?: Words
  truncated?: boolean
  prompt: string
}

export type Told =
  | { type: 'terminal_connected'; message: string; prompt: string; session_id: string }
  | { type: 'terminal_error'; error: string; session_id: string | null }
  | { type: 'command_start'; command: string }
  | {
      type: 'command_review'
      command: string
      review: { id: string; rule: string | null; expires: string; message: Words }
    }
  | { type: 'command_chunk'; command: string; stream: 'stdout' | 'stderr'; data: string }
  | ({ type: 'command_output' } & Ended)
  | { type: 'command_history' | 'pong' }

/** One line, with what came of it. */
export interface Entry {
  /** Its place among all of this page. */
  key: number
  prompt: string
  line: string
  state: 'waits' | 'review' | 'runs' | 'good' | 'bad'
  output: string
  /** Why it did not run, or not to its end. */
  error?: string
  refusal?: Words
  review?: { message: Words; expires: string }
  exit?: number | null
}

export interface Lines {
  state: 'closed' | 'connecting' | 'open'
  session: string | null
  prompt: string
  entries: readonly Entry[]
  /** What the server said that belongs to no line. */
  error: string | null
}

export const NOTHING: Lines = { state: 'closed', session: null, prompt: '', entries: [], error: null }

/** Nobody scrolls back further, and a page with more of it is slow. */
const MAX_ENTRIES = 200
const MAX_SHOWN = 200_000

/** The end of a text that is too long: what came last is what somebody looks for. */
export function shortened(text: string): string {
  if (text.length <= MAX_SHOWN) return text
  const cut = text.slice(-MAX_SHOWN)
  return `…${cut.slice(cut.indexOf('\n') + 1)}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is taken out
const STEERING = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b.|\r(?=\n)/g

/** Without what would steer a terminal: there is none. */
export const plain = (text: string): string => text.replace(STEERING, '')

const isOver = (entry: Entry) => entry.state === 'good' || entry.state === 'bad'

/** The line that was typed, behind those before it. */
export function typed(lines: Lines, line: string): Lines {
  const key = (lines.entries.at(-1)?.key ?? -1) + 1
  const entry: Entry = { key, prompt: lines.prompt, line, state: 'waits', output: '' }
  return { ...lines, error: null, entries: [...lines.entries, entry].slice(-MAX_ENTRIES) }
}

/** The first line that has not ended is what the server speaks of: it runs one after the other. */
function change(lines: Lines, how: (entry: Entry) => Entry): Lines {
  const at = lines.entries.findIndex((entry) => !isOver(entry))
  if (at < 0) return lines
  return { ...lines, entries: lines.entries.map((entry, index) => (index === at ? how(entry) : entry)) }
}

function ended(lines: Lines, told: Ended): Lines {
  const { status, exit_status: exit, error, refusal, prompt } = told
  const after = change(lines, ({ review: _, ...entry }) => ({
    ...entry,
    state: status === 'success' ? 'good' : 'bad',
    // A refusal stands in words of the reader's language instead.
    output: refusal ? entry.output : shortened(entry.output + plain(told.output)),
    exit,
    ...(error && !refusal ? { error: told.signal ? `${error} (SIG${told.signal})` : error } : {}),
    ...(!error && told.signal ? { error: `SIG${told.signal}` } : {}),
    ...(refusal ? { refusal } : {}),
  }))
  return { ...after, prompt }
}

export function heard(lines: Lines, told: Told): Lines {
  switch (told.type) {
    case 'terminal_connected': {
      const { prompt, session_id: session } = told
      const entries = lines.entries.map((entry) => (entry.prompt ? entry : { ...entry, prompt }))
      return { ...lines, state: 'open', session, prompt, entries }
    }
    case 'terminal_error':
      return {
        ...change(lines, (entry) => ({ ...entry, state: 'bad', error: told.error })),
        error: told.error,
      }
    case 'command_start':
      return change(lines, (entry) => ({ ...entry, state: 'runs' }))
    case 'command_review': {
      const { message, expires } = told.review
      return change(lines, (entry) => ({ ...entry, state: 'review', review: { message, expires } }))
    }
    case 'command_chunk':
      return change(lines, ({ review: _, ...entry }) => ({
        ...entry,
        state: 'runs',
        output: shortened(entry.output + plain(told.data)),
      }))
    case 'command_output':
      return ended(lines, told)
    case 'command_history':
    case 'pong':
      return lines
  }
}

/** The connection is over: nothing that was asked for is answered any more. */
export function left(lines: Lines, why: string): Lines {
  const entries = lines.entries.map((entry) =>
    isOver(entry) ? entry : { ...entry, state: 'bad' as const, error: why },
  )
  return { ...lines, state: 'closed', session: null, entries }
}

export const isBusy = (lines: Lines): boolean => lines.entries.some((entry) => !isOver(entry))

/** What stands in the field after an arrow; `at` counts back from the newest, 0 is what is being typed. */
export function recalled(history: readonly string[], at: number, by: number): number {
  return Math.min(Math.max(at + by, 0), history.length)
}
