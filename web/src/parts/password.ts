// The rule for passwords as the server has it, so that most mistakes are seen while typing. The server decides.

/** In characters (Unicode scalar values). */
export const SHORTEST = 12
export const LONGEST = 256

export type PasswordFault = 'short' | 'long' | 'name'

export function passwordFault(password: string, username: string): PasswordFault | null {
  const { length } = [...password]
  if (length < SHORTEST) return 'short'
  if (length > LONGEST) return 'long'
  if (password.toLowerCase() === username.toLowerCase()) return 'name'
  return null
}

/** 0 (not allowed) to 4. A guess from length and variety: it helps to choose, it forbids nothing. */
export function passwordStrength(password: string, username: string): 0 | 1 | 2 | 3 | 4 {
  if (passwordFault(password, username)) return 0
  const characters = [...password]
  const different = new Set(characters.map((one) => one.toLowerCase())).size
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(password)).length
  // Repeats add little: "aaaaaaaaaaaaaaaa" is long and weak.
  const worth = Math.min(characters.length, different * 1.5) + kinds * 2
  if (different < 5) return 1
  if (worth < 17) return 2
  return worth < 22 ? 3 : 4
}
