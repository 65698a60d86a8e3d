// An asciicast (https://docs.asciinema.org/manual/asciicast/v3/, and v2) as the player of the page needs it.

export type CastEvent = [at: number, code: string, data: string]

export interface Cast {
  cols: number
  rows: number
  /** Output, resizes and markers, with seconds from the start. */
  events: CastEvent[]
  markers: { at: number; label: string }[]
  /** In seconds. */
  length: number
}

export class CastError extends Error {}

const DEFAULT_COLS = 80
const DEFAULT_ROWS = 24
/** What the player can show; input and exit are not drawn. */
const SHOWN = new Set(['o', 'r', 'm'])

type Header = { version?: unknown; width?: number; height?: number; term?: { cols?: number; rows?: number } }

/** A last line that was cut off (a recording that still runs, a crash) is left out. */
export function readCast(text: string): Cast {
  const lines = text.split('\n')
  const header = parsed(lines[0] ?? '') as Header | null
  const version = header?.version
  if (!header || (version !== 2 && version !== 3)) throw new CastError('not an asciicast of version 2 or 3')
  const size = version === 3 ? header.term : { cols: header.width, rows: header.height }
  const events: CastEvent[] = []
  let at = 0
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] ?? ''
    // v3 allows comments between the events.
    if (!line.startsWith('[')) continue
    const event = parsed(line)
    if (!Array.isArray(event) || typeof event[0] !== 'number') continue
    at = version === 3 ? at + event[0] : event[0]
    const [, code, data] = event
    if (SHOWN.has(code) && typeof data === 'string') events.push([at, code, data])
  }
  return {
    cols: size?.cols || DEFAULT_COLS,
    rows: size?.rows || DEFAULT_ROWS,
    events,
    markers: events.filter(([, code]) => code === 'm').map(([time, , label]) => ({ at: time, label })),
    length: at,
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

/** A cast whose pauses last at most `most` seconds, and how its times and those of the whole one go together. */
export class Squeezed {
  readonly events: CastEvent[]
  readonly length: number
  private readonly whole: Cast

  constructor(cast: Cast, most: number) {
    this.whole = cast
    let before = 0
    let cut = 0
    this.events = cast.events.map(([at, code, data]) => {
      cut += Math.max(0, at - before - most)
      before = at
      return [at - cut, code, data]
    })
    this.length = Math.max(this.events.at(-1)?.[0] ?? 0, Math.min(cast.length - before, most) + before - cut)
  }

  /** The moment of this one at which `at` of the whole one is shown. */
  from(at: number): number {
    return map(this.whole.events, this.events, at, this.length)
  }

  /** The moment of the whole one that is shown at `at` of this one. */
  to(at: number): number {
    return map(this.events, this.whole.events, at, this.whole.length)
  }
}

/** `at` between two events of `from` is as far after the same event of `onto`, but not past the next. */
function map(from: CastEvent[], onto: CastEvent[], at: number, end: number): number {
  let low = 0
  let high = from.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((from[middle]?.[0] ?? 0) <= at) low = middle + 1
    else high = middle
  }
  const after = at - (from[low - 1]?.[0] ?? 0)
  return Math.min((onto[low - 1]?.[0] ?? 0) + after, onto[low]?.[0] ?? end)
}
