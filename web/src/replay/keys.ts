export type Wish =
  | { kind: 'toggle' | 'full' | 'pauses' }
  | { kind: 'step'; seconds: number }
  | { kind: 'part'; part: number }
  | { kind: 'speed'; by: 1 | -1 }

const STEP = 5
const LONG_STEP = 30

/** What has the focus: somewhere to type or choose, a control with keys of its own, or neither. */
export type Focus = 'typing' | 'control' | 'page'

const KEYS_OF_CONTROLS = new Set([' ', 'ArrowLeft', 'ArrowRight', 'Home', 'End'])

export function focusOn(target: Element): Focus {
  if (target.matches('select, textarea, input:not([type=range], [type=checkbox])')) return 'typing'
  return target.matches('button, a, summary, input') ? 'control' : 'page'
}

/** What a key asks of the player. The keys that a control itself needs are left to it. */
export function replayKey(
  event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>,
  focus: Focus,
): Wish | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null
  const { key } = event
  if (focus === 'typing' || (focus === 'control' && KEYS_OF_CONTROLS.has(key))) return null
  if (/^\d$/.test(key)) return { kind: 'part', part: Number(key) / 10 }
  switch (key) {
    case ' ':
    case 'k':
      return { kind: 'toggle' }
    case 'ArrowLeft':
      return { kind: 'step', seconds: event.shiftKey ? -LONG_STEP : -STEP }
    case 'ArrowRight':
      return { kind: 'step', seconds: event.shiftKey ? LONG_STEP : STEP }
    case 'Home':
      return { kind: 'part', part: 0 }
    case 'End':
      return { kind: 'part', part: 1 }
    case '<':
      return { kind: 'speed', by: -1 }
    case '>':
      return { kind: 'speed', by: 1 }
    case 's':
      return { kind: 'pauses' }
    case 'f':
      return { kind: 'full' }
    default:
      return null
  }
}
