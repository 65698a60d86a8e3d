// The keys that a telephone's keyboard does not have.

export const KEY_ROW = [
  'Escape',
  'Tab',
  'Control',
  'ArrowUp',
  'ArrowDown',
  'ArrowLeft',
  'ArrowRight',
  'Home',
  'End',
  'PageUp',
  'PageDown',
  '|',
  '/',
  '-',
  '~',
] as const

export type KeyName = (typeof KEY_ROW)[number]

/** What is written on the key, where it is not its name. */
export const KEY_FACE: Partial<Record<KeyName, string>> = {
  Escape: 'Esc',
  Control: 'Ctrl',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
}

/** Final letters of the cursor keys: CSI, or SS3 while the program has asked for that (DECCKM). */
const CURSOR: Partial<Record<KeyName, string>> = {
  ArrowUp: 'A',
  ArrowDown: 'B',
  ArrowRight: 'C',
  ArrowLeft: 'D',
  Home: 'H',
  End: 'F',
}

/** What a terminal sends for a key. */
export function keyBytes(key: Exclude<KeyName, 'Control'>, application: boolean): string {
  const cursor = CURSOR[key]
  if (cursor) return `\x1b${application ? 'O' : '['}${cursor}`
  switch (key) {
    case 'Escape':
      return '\x1b'
    case 'Tab':
      return '\t'
    case 'PageUp':
      return '\x1b[5~'
    case 'PageDown':
      return '\x1b[6~'
    default:
      return key
  }
}

/** One typed character as it would be with Ctrl held; anything else as it is. */
export function withControl(data: Uint8Array): Uint8Array {
  const code = data[0]
  if (data.length !== 1 || code === undefined) return data
  if (code === 0x20) return Uint8Array.of(0)
  if (code === 0x3f) return Uint8Array.of(0x7f)
  // `@` to `_` and the small letters.
  if ((code >= 0x40 && code <= 0x5f) || (code >= 0x61 && code <= 0x7a)) return Uint8Array.of(code & 0x1f)
  return data
}
