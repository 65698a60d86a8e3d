// What is asked before several lines are pasted, and what of a paste never reaches the program.

export interface Paste {
  text: string
  lines: string[]
  /** Control characters that were left out. */
  removed: number
}

/**
 * Control characters, Tab and the ends of lines excepted. Pasted they would act as keys: an Escape sequence can
 * end a bracketed paste and have the rest run.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g

export function readPaste(text: string): Paste {
  let removed = 0
  const clean = text.replace(CONTROL, () => {
    removed += 1
    return ''
  })
  const lines = clean.replace(/\r\n?/g, '\n').split('\n')
  if (lines.length > 1 && lines.at(-1) === '') lines.pop()
  return { text: clean, lines, removed }
}

/**
 * False when it can go straight to the program: one line, and nothing in it that would run it.
 * A newline at the end counts: it is the Enter key.
 */
export function needsConfirmation(paste: Paste): boolean {
  return /[\r\n]/.test(paste.text)
}

/** `bytes.kb` and its number, for a size in words. */
export function sizeWords(bytes: number): {
  key: 'bytes.b' | 'bytes.kb' | 'bytes.mb' | 'bytes.gb'
  n: string
} {
  if (bytes < 1024) return { key: 'bytes.b', n: String(bytes) }
  if (bytes < 1024 * 1024) return { key: 'bytes.kb', n: String(Math.round(bytes / 1024)) }
  if (bytes < 1024 ** 3) return { key: 'bytes.mb', n: (bytes / 1024 ** 2).toFixed(1) }
  return { key: 'bytes.gb', n: (bytes / 1024 ** 3).toFixed(1) }
}
