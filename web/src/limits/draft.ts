// The settings of one scope as a form has them: every field a text.

import type { Settings, Variable } from '../api/session-settings.ts'
import { readAmount, type Unit, writeAmount } from './units.ts'

/** A number and where it stands in the settings. */
export const NUMBERS = {
  max_sessions: 'plain',
  idle_timeout: 'time',
  max_lifetime: 'time',
  detach_keep: 'time',
  'limits.group.processes': 'plain',
  'limits.group.memory': 'size',
  'limits.group.cpu_percent': 'plain',
  'limits.open_files': 'plain',
  'limits.processes': 'plain',
  'limits.memory': 'size',
  'limits.file_size': 'size',
  'limits.cpu_seconds': 'time',
} as const satisfies Record<string, Unit>
export type NumberPlace = keyof typeof NUMBERS
const PLACES = Object.keys(NUMBERS) as NumberPlace[]

export interface DraftVariable extends Variable {
  key: number
  /** It has a value that is not shown. */
  kept: boolean
}

export interface Draft {
  variables: DraftVariable[]
  deny: string
  allow: string
  umask: string
  private_tmp: 'inherit' | 'yes' | 'no'
  read_only: string
  numbers: Record<NumberPlace, string>
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** What stands at a place such as `limits.group.memory`. */
export function numberAt(settings: Settings, place: NumberPlace): number | null | undefined {
  const { limits = {} } = settings
  const all: Record<NumberPlace, number | null | undefined> = {
    max_sessions: settings.max_sessions,
    idle_timeout: settings.idle_timeout,
    max_lifetime: settings.max_lifetime,
    detach_keep: settings.detach_keep,
    'limits.group.processes': limits.group?.processes,
    'limits.group.memory': limits.group?.memory,
    'limits.group.cpu_percent': limits.group?.cpu_percent,
    'limits.open_files': limits.open_files,
    'limits.processes': limits.processes,
    'limits.memory': limits.memory,
    'limits.file_size': limits.file_size,
    'limits.cpu_seconds': limits.cpu_seconds,
  }
  return all[place]
}

export function draftOf(settings: Settings): Draft {
  const numbers = PLACES.map((place) => [place, writeAmount(numberAt(settings, place), NUMBERS[place])])
  return {
    variables: (settings.environment ?? []).map((one, key) => ({ ...one, key, kept: one.secret === true })),
    deny: (settings.deny ?? []).join('\n'),
    allow: (settings.allow ?? []).join('\n'),
    umask: settings.umask ?? '',
    private_tmp: settings.private_tmp == null ? 'inherit' : settings.private_tmp ? 'yes' : 'no',
    read_only: (settings.read_only ?? []).join('\n'),
    numbers: Object.fromEntries(numbers),
  }
}

/** Numbers that cannot be read. */
export const unreadable = (draft: Draft): ReadonlySet<NumberPlace> =>
  new Set(PLACES.filter((place) => readAmount(draft.numbers[place], NUMBERS[place]) === undefined))

/** `before` is what the draft was made of: a list of no names stays one. */
export function settingsOf(draft: Draft, before: Settings): Settings {
  const number = (place: NumberPlace) => readAmount(draft.numbers[place], NUMBERS[place]) ?? null
  const allow = lines(draft.allow)
  return {
    environment: draft.variables.map(({ name, value, secret, kept }) => ({
      name: name.trim(),
      // A secret that nobody has typed anew stays.
      ...(!(secret && kept && !value) && { value: value ?? '' }),
      ...(secret && { secret }),
    })),
    deny: lines(draft.deny),
    allow: allow.length > 0 ? allow : before.allow?.length === 0 ? [] : null,
    umask: draft.umask.trim() || null,
    limits: {
      open_files: number('limits.open_files'),
      processes: number('limits.processes'),
      memory: number('limits.memory'),
      file_size: number('limits.file_size'),
      cpu_seconds: number('limits.cpu_seconds'),
      group: {
        processes: number('limits.group.processes'),
        memory: number('limits.group.memory'),
        cpu_percent: number('limits.group.cpu_percent'),
      },
    },
    private_tmp: draft.private_tmp === 'inherit' ? null : draft.private_tmp === 'yes',
    read_only: lines(draft.read_only),
    max_lifetime: number('max_lifetime'),
    idle_timeout: number('idle_timeout'),
    detach_keep: number('detach_keep'),
    max_sessions: number('max_sessions'),
  }
}
