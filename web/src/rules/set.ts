// Changes to a rule set, and what a rule says in a few words.

import type {
  ArgumentPattern,
  CommandGroup,
  Match,
  NamedPattern,
  Rule,
  RuleSet,
  Scope,
} from '../api/rules.ts'

/** In the order in which they are asked. */
export const inOrder = (rules: readonly Rule[] = []): Rule[] =>
  [...rules].sort((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))

function put<T extends { id: string }>(list: readonly T[], one: T, instead: string | null): T[] {
  const at = list.findIndex((other) => other.id === (instead ?? one.id))
  return at < 0 ? [...list, one] : list.with(at, one)
}

/** `instead` is the id that it had; null for a new one. */
export const putRule = (set: RuleSet, rule: Rule, instead: string | null): RuleSet => ({
  ...set,
  rules: put(set.rules ?? [], rule, instead),
})
export const dropRules = (set: RuleSet, ids: ReadonlySet<string>): RuleSet => ({
  ...set,
  rules: (set.rules ?? []).filter(({ id }) => !ids.has(id)),
})
export const putGroup = (set: RuleSet, group: CommandGroup, instead: string | null): RuleSet => ({
  ...set,
  command_groups: put(set.command_groups ?? [], group, instead),
})
export const dropGroup = (set: RuleSet, id: string): RuleSet => ({
  ...set,
  command_groups: (set.command_groups ?? []).filter((one) => one.id !== id),
})

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

function mergeById<T extends { id: string }>(
  base: readonly T[] = [],
  mine: readonly T[] = [],
  theirs: readonly T[] = [],
): T[] {
  const before = new Map(base.map((one) => [one.id, one]))
  const wanted = new Map(mine.map((one) => [one.id, one]))
  const untouched = (id: string) => same(before.get(id), wanted.get(id))
  const kept = theirs.flatMap((one) => {
    if (untouched(one.id)) return [one]
    const own = wanted.get(one.id)
    return own ? [own] : []
  })
  const there = new Set(theirs.map(({ id }) => id))
  return [...kept, ...mine.filter(({ id }) => !there.has(id) && !untouched(id))]
}

/** What was changed in `mine` since `base`, on top of what others have made of it meanwhile. */
export function mergeSets(base: RuleSet, mine: RuleSet, theirs: RuleSet): RuleSet {
  const fields = ['default', 'defaults', 'dry_run'] as const
  const own = Object.fromEntries(
    fields.filter((one) => !same(base[one], mine[one])).map((one) => [one, mine[one]]),
  )
  return {
    ...theirs,
    ...own,
    command_groups: mergeById(base.command_groups, mine.command_groups, theirs.command_groups),
    rules: mergeById(base.rules, mine.rules, theirs.rules),
  }
}

/** `[a-z0-9-]`, 1 to 64 of them. */
export const idFault = (id: string) => !/^[a-z0-9-]{1,64}$/.test(id)

/** An id out of a name, not one of `taken`. */
export function idFor(name: string, taken: ReadonlySet<string>): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'rule'
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}-${n}`
    if (!taken.has(id)) return id
  }
}

/** A rule without what says nothing: so it is stored, and so two of them can be compared. */
export function tidyRule({ enabled, mode, ...rest }: Rule): Rule {
  const { match, ...others } = rest
  return {
    ...tidy(others),
    ...(enabled === false && { enabled }),
    ...(mode === 'dry_run' && { mode }),
    match: tidy(match),
  }
}

/** Without what is empty. */
export function tidy<T extends object>(value: T): T {
  const kept = Object.entries(value).flatMap(([key, one]) => {
    const clean = one && typeof one === 'object' && !Array.isArray(one) ? tidy(one) : one
    const empty =
      clean === undefined ||
      clean === false ||
      clean === '' ||
      (typeof clean === 'object' && clean !== null && Object.keys(clean).length === 0)
    return empty ? [] : [[key, clean]]
  })
  return Object.fromEntries(kept) as T
}

const named = (one: NamedPattern) => (typeof one === 'string' ? one : `/${one.regex}/`)

function argument(one: ArgumentPattern): string {
  if (typeof one === 'string') return one
  if (one.flags) return one.flags.join('|')
  return one.regex ? `/${one.regex}/` : (one.glob ?? '')
}

/** What a rule matches, as short as it can be said without words of a language. */
export function matchWords(match: Match): string {
  const parts = [
    match.any ? '*' : '',
    (match.groups ?? []).map((group) => `@${group}`).join(', '),
    (match.programs ?? []).map(named).join(', '),
    (match.paths ?? []).join(', '),
    (match.arguments ?? []).map(argument).join(' '),
    (match.environment ?? []).map((one) => `${named(one)}=`).join(', '),
    (match.redirect_to ?? []).map((one) => `> ${one}`).join(', '),
    (match.line ?? []).map((one) => `/${one}/`).join(', '),
    (match.device ?? []).join(', '),
    match.non_ascii ? '[^ -~]' : '',
  ]
  return parts.filter(Boolean).join('  ')
}

/** Whom it is about; empty for everybody, everywhere. */
export function scopeWords(scope: Scope = {}): string {
  const { users = [], groups = [], roles = [], servers = [], tags = [], accounts = [] } = scope
  const { doors = [], times = [] } = scope
  return [
    ...[...users, ...groups.map((one) => `@${one}`), ...roles],
    ...[...servers, ...tags.map((one) => `#${one}`), ...accounts.map((one) => `${one}@`)],
    ...doors,
    ...times.map(({ from, to }) => `${from}–${to}`),
  ].join(', ')
}
