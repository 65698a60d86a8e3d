// Sizes and times as people write them: 512M, 8h.

const SIZES = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }
const TIMES = { s: 1, m: 60, h: 3600, d: 86_400 }

const unitsOf = { size: SIZES, time: TIMES, plain: {} } as const
export type Unit = keyof typeof unitsOf

/** Null for nothing; undefined for what is no number of this kind. */
export function readAmount(text: string, unit: Unit): number | null | undefined {
  const said = text.trim()
  if (said === '') return null
  const [, digits, letter = ''] = /^(\d{1,15})\s*([a-zA-Z]?)$/.exec(said) ?? []
  if (digits === undefined) return undefined
  const units: Record<string, number> = unitsOf[unit]
  const times = letter === '' ? 1 : units[unit === 'size' ? letter.toUpperCase() : letter.toLowerCase()]
  const amount = times === undefined ? Number.NaN : Number(digits) * times
  return Number.isSafeInteger(amount) ? amount : undefined
}

/** In the largest unit in which it is a whole number. */
export function writeAmount(amount: number | null | undefined, unit: Unit): string {
  if (amount === null || amount === undefined) return ''
  const units = Object.entries<number>(unitsOf[unit]).reverse()
  const fits = amount > 0 && units.find(([, times]) => amount % times === 0)
  return fits ? `${amount / fits[1]}${fits[0]}` : String(amount)
}
