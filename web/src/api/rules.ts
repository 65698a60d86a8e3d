// Rules on commands, verdicts, reviews and alerts: requests to /api/v1, and the shapes of their answers.

import { id, json, page } from './client.ts'
import type { components } from './schema.d.ts'
import type { Page, Right } from './types.ts'

type Schemas = components['schemas']

/** What one needs to be offered a page or a button. */
export const MAY = {
  read: 'rules_read',
  change: 'rules_change',
  try: 'rules_try',
  reviews: 'review_list',
  decide: 'review_decide',
  alerts: 'alert_list',
} as const satisfies Record<string, Right>

/** From the mildest to the strictest. */
export const ACTIONS = ['allow', 'alert', 'review', 'deny'] as const
export type Action = (typeof ACTIONS)[number]
export const DOORS = ['exec', 'line', 'watched'] as const
export type Door = (typeof DOORS)[number]
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof DAYS)[number]

/** A sentence in both languages; an empty one is replaced by the other. */
export interface Text {
  en?: string
  zh?: string
}

/** A string is a glob. */
export type NamedPattern = string | { regex: string }
export type ArgumentPattern =
  | string
  | { glob?: string; regex?: string; flags?: string[]; at?: number; joined?: boolean }

/** Every field that is given must hold; of a list one entry is enough, but of `arguments` each. */
export interface Match {
  any?: boolean
  groups?: string[]
  programs?: NamedPattern[]
  paths?: string[]
  arguments?: ArgumentPattern[]
  environment?: NamedPattern[]
  redirect_to?: string[]
  line?: string[]
  device?: string[]
  non_ascii?: boolean
  ignore_case?: boolean
}

export interface TimeWindow {
  days?: Day[]
  from: string
  to: string
  zone: string
}

/** An empty list is every one; names may be globs. */
export interface Scope {
  users?: string[]
  groups?: string[]
  roles?: string[]
  servers?: string[]
  tags?: string[]
  accounts?: string[]
  doors?: Door[]
  times?: TimeWindow[]
}

export interface Rule {
  id: string
  name?: string
  /** 1 is asked first, 100 last. */
  priority: number
  action: Action
  enabled?: boolean
  mode?: 'enforce' | 'dry_run'
  scope?: Scope
  match: Match
  reason?: Text
}

export interface CommandGroup {
  id: string
  name?: Text
  commands: Match[]
}

export interface Defaults {
  action?: Action
  unknown?: Action
}

/** The first of a list whose scope holds. */
export interface ScopedDefault {
  scope: Scope
  action: Action
  unknown: Action
}

export interface RuleSet {
  version: number
  default?: Defaults
  defaults?: ScopedDefault[]
  command_groups?: CommandGroup[]
  rules?: Rule[]
  dry_run?: { users?: string[]; groups?: string[]; servers?: string[]; tags?: string[] }
}

/** Of the stored sets; the newest one holds. */
export type VersionInfo = Schemas['RuleVersionInfo']

/** Which shells of this machine the kernel judges. */
export const GATES = ['off', 'workbench', 'closed'] as const satisfies Gate[]
export type Gate = Schemas['Gate']
export interface Control {
  gate: Gate
  layers?: string[]
  scopes?: ScopedGate[]
}
/** Without doors and times. */
export interface ScopedGate {
  scope: Scope
  gate: Gate
  layers?: string[]
}
export interface Version extends VersionInfo {
  rules: RuleSet
  control: Control
}

/** What holds now, and the command groups that come with the product. */
export type Current = Version & {
  /** Why nothing can be judged by it, where that is so; then nothing runs that needs a verdict. */
  unreadable: string | null
  ready_groups: CommandGroup[]
}

const RULES = '/api/v1/rules'
export const getRules = () => json<Current>('GET', RULES)
/** Only when `version` is still the newest one; else a Problem of status 412. */
export const putRules = (rules: RuleSet, control: Control, version: number, note: string) =>
  json<Version>('PUT', RULES, { rules, control, note }, { 'if-match': `"${version}"` })

export function listVersions(cursor: string | null): Promise<Page<VersionInfo>> {
  const query = new URLSearchParams({ limit: '100', ...(cursor && { cursor }) })
  return page<'versions', VersionInfo>(`${RULES}/versions`, 'versions', query)
}
export const getVersion = (version: number) => json<Version>('GET', `${RULES}/versions/${id(version)}`)
export const restoreVersion = (version: number) =>
  json<Version>('POST', `${RULES}/versions/${id(version)}/restore`)

// A try.

export type Word = string | { unknown: string }
export interface Fact {
  kind: 'command' | 'wrapper' | 'effect' | 'unknown'
  program: Word
  arguments?: Word[]
  assignments?: [string, Word][]
  redirects?: { writes: boolean; target: Word }[]
  via?: string[]
  unknown?: string
  non_ascii?: boolean
}
export interface Judged {
  action: Action
  rule?: string
  /** A rule that may match as well: the shell decides when it runs. */
  perhaps?: string
}
export interface Verdict {
  action: Action
  rule?: string
  reason?: Text
  /** Which of `facts` decided. */
  fact?: number
  facts?: Judged[]
  dry_run?: { rule?: string; action: Action }[]
}
export interface Tried {
  verdict: Verdict
  facts: Fact[]
  /** Which of the set's `defaults` decides where no rule does; null: the one for everybody. */
  scoped_default?: number | null
  /** How a shell of the subject would be gated, and which of the control's scopes says so. */
  gate?: { gate: Gate; layers: string[]; scope?: number | null }
}
export interface Subject {
  user?: string
  groups?: string[]
  roles?: string[]
  server?: string | null
  tags?: string[]
  account?: string
  door: Door
}
/** With `rules` or `control`: by those, which nobody has saved yet. */
export const tryLine = (
  line: string,
  subject: Subject,
  { rules, control }: { rules?: RuleSet | undefined; control?: Control | undefined },
) =>
  json<Tried>('POST', `${RULES}/try`, { line, subject, ...(rules && { rules }), ...(control && { control }) })

export type RuleFormat = Schemas['RuleFormat']
export type RulesImported = Schemas['RulesImported']
export const importRules = (format: RuleFormat, text: string, dryRun: boolean) =>
  json<RulesImported>('POST', `${RULES}/import`, { format, text, dry_run: dryRun })

// Commands that wait for a second person.

export type ReviewState = 'open' | 'approved' | 'refused' | 'cancelled' | 'expired'
export type Review = Omit<Schemas['Review'], 'state' | 'reason'> & { state: ReviewState; reason: Text | null }

export const listReviews = async (state: 'open' | 'closed') =>
  (await page<'reviews', Review>('/api/v1/reviews', 'reviews', new URLSearchParams({ state, limit: '100' })))
    .items
export type Decision = 'approve' | 'refuse' | 'cancel'
export const decideReview = (review: string, decision: Decision, reason: string) =>
  json<Review>(
    'POST',
    `/api/v1/reviews/${id(review)}/${decision}`,
    decision === 'cancel' ? undefined : { reason: reason || null },
  )

/** Over the events' WebSocket. */
export type ReviewEvent = { type: 'review_opened' | 'review_closed'; review?: Review }

// What was judged, and what somebody should know of.

export type SessionVerdict = Omit<Schemas['Verdict'], 'action' | 'reason' | 'review'> & {
  action: Action
  reason: Text | null
  /** How its review ended, where there was one. */
  review: ReviewState | null
}
export const listVerdicts = async (session: string) =>
  (
    await page<'verdicts', SessionVerdict>(
      `/api/v1/sessions/${id(session)}/verdicts`,
      'verdicts',
      new URLSearchParams({ limit: '500' }),
    )
  ).items

export type Alert = Omit<Schemas['Alert'], 'severity'> & { severity: 'info' | 'warning' | 'critical' }
export function listAlerts(cursor: string | null): Promise<Page<Alert>> {
  const query = new URLSearchParams({ limit: '100', ...(cursor && { cursor }) })
  return page<'alerts', Alert>('/api/v1/alerts', 'alerts', query)
}
