// Patterns as lines of text: what people write, and what the rule format has for it.

import type { ArgumentPattern, NamedPattern } from '../api/rules.ts'

/** What a line cannot be read as, with its number from 1. */
export class PatternError extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

export const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** `/…/` is a regular expression; a path begins with a slash, but does not end with one. */
const regexOf = (line: string) => /^\/(.+)\/$/s.exec(line)?.[1]

/** `git-*`, `/^mkfs/`. */
export const readNamed = (text: string): NamedPattern[] =>
  lines(text).map((line) => {
    const regex = regexOf(line)
    return regex === undefined ? line : { regex }
  })

export const writeNamed = (patterns: readonly NamedPattern[] = []): string =>
  patterns.map((one) => (typeof one === 'string' ? one : `/${one.regex}/`)).join('\n')

const FLAG = /^-[A-Za-z0-9]$|^--[A-Za-z0-9][\w-]*$/

/** `-r --recursive` (one of them), `*.conf`, `/^\/etc/`, and in braces what these do not say: `{"at": 1, "glob": "x"}`. */
export const readArguments = (text: string): ArgumentPattern[] =>
  lines(text).map((line, index) => {
    const words = line.split(/\s+/)
    if (words.every((word) => FLAG.test(word))) return { flags: words }
    const regex = regexOf(line)
    if (regex !== undefined) return { regex }
    if (!line.startsWith('{')) return line
    try {
      return JSON.parse(line)
    } catch {
      throw new PatternError(index + 1, line)
    }
  })

export const writeArguments = (patterns: readonly ArgumentPattern[] = []): string =>
  patterns
    .map((one) => {
      if (typeof one === 'string') return one
      const { flags, regex, glob, ...rest } = one
      const plain = Object.keys(rest).length === 0
      if (plain && flags && !regex && !glob && flags.every((flag) => FLAG.test(flag))) return flags.join(' ')
      if (plain && regex && !flags && !glob) return `/${regex}/`
      if (plain && glob && !flags && !regex && !glob.startsWith('{') && !regexOf(glob) && !FLAG.test(glob))
        return glob
      return JSON.stringify(one)
    })
    .join('\n')

/** Names with commas or spaces between them. */
export const readNames = (text: string): string[] => [...new Set(text.split(/[,，\s]+/).filter(Boolean))]
