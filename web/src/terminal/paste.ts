// What is asked before several lines are pasted.

export interface Paste {
  text: string
  lines: string[]
}

/**
 * Null when it can go straight to the program: one line, and nothing in it that would run it.
 * A newline at the end counts: it is the Enter key.
 */
export function needsConfirmation(text: string): Paste | null {
  if (!/[\r\n]/.test(text)) return null
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return { text, lines }
}

/** `bytes.kb` and its number, for a size in words. */
export function sizeWords(bytes: number): { key: 'bytes.b' | 'bytes.kb' | 'bytes.mb'; n: string } {
  if (bytes < 1024) return { key: 'bytes.b', n: String(bytes) }
  if (bytes < 1024 * 1024) return { key: 'bytes.kb', n: String(Math.round(bytes / 1024)) }
  return { key: 'bytes.mb', n: (bytes / 1024 / 1024).toFixed(1) }
}
