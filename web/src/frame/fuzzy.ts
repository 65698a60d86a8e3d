// Which of many words somebody means who typed a few letters of them.

/**
 * How well `query` fits `text`: its letters must be there in this order. Higher is better; null: not at all.
 * Letters in a row and at the beginning of words count for more, letters left out for less.
 */
export function fuzzy(query: string, text: string): number | null {
  const wanted = [...query.toLowerCase().replace(/\s+/g, '')]
  const letters = [...text.toLowerCase()]
  if (wanted.length === 0) return 0
  const whole = text.toLowerCase().indexOf(query.toLowerCase().trim())
  if (whole >= 0)
    return 100 + (begins(letters, [...text.slice(0, whole)].length) ? 50 : 0) - letters.length / 100
  let score = 0
  let from = 0
  let row = 0
  for (const letter of wanted) {
    const at = letters.indexOf(letter, from)
    if (at < 0) return null
    row = at === from && from > 0 ? row + 1 : 0
    score += (begins(letters, at) ? 8 : 1) + row * 3 - Math.min(at - from, 5) * 0.5
    from = at + 1
  }
  return score - letters.length / 100
}

function begins(letters: readonly string[], at: number): boolean {
  return at === 0 || /[\s/:._@-]/.test(letters[at - 1] ?? '')
}

/** The items that fit, best first; those that fit as well keep their order. */
export function rank<T>(query: string, items: readonly T[], words: (item: T) => string): T[] {
  if (!query.trim()) return [...items]
  return items
    .map((item) => ({ item, score: fuzzy(query, words(item)) }))
    .filter((one): one is { item: T; score: number } => one.score !== null)
    .sort((a, b) => b.score - a.score)
    .map(({ item }) => item)
}
