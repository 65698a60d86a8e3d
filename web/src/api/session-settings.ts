// What holds for sessions that are opened, by scope: requests to /api/v1, and the shapes of their answers.

import { id, json } from './client.ts'
import type { components } from './schema.d.ts'

type Schemas = components['schemas']

export interface Variable {
  name: string
  /** Of a secret one it is never given out. */
  value?: string
  secret?: boolean
}

/** What is left out is inherited. */
export interface Settings {
  environment?: Variable[]
  deny?: string[]
  allow?: string[] | null
  umask?: string | null
  limits?: {
    open_files?: number | null
    processes?: number | null
    memory?: number | null
    file_size?: number | null
    cpu_seconds?: number | null
    group?: { processes?: number | null; memory?: number | null; cpu_percent?: number | null }
  }
  private_tmp?: boolean | null
  read_only?: string[]
  max_lifetime?: number | null
  idle_timeout?: number | null
  detach_keep?: number | null
  max_sessions?: number | null
}

export type Written = Omit<Schemas['SessionSettings'], 'settings'> & { settings: Settings }

/** For everybody, for a server's sessions, or for a person's. */
export type Scope = 'global' | { server: number } | { user: number }

const BASE = '/api/v1/session-settings'

function path(scope: Scope): string {
  if (scope === 'global') return `${BASE}/global`
  return 'server' in scope ? `${BASE}/servers/${id(scope.server)}` : `${BASE}/users/${id(scope.user)}`
}

export const getSettings = (scope: Scope) => json<Written>('GET', path(scope))
/** Only when `version` is still the newest one; else a Problem of status 412. */
export const putSettings = (scope: Scope, settings: Settings, version: number) =>
  json<Written>('PUT', path(scope), settings, { 'if-match': `"${version}"` })

export type Holds = Omit<Schemas['SessionSettingHolds'], 'value'> & { value?: unknown }
/** What holds for one's own sessions on this machine. */
export const ownSettings = async () =>
  (await json<{ settings: Holds[] }>('GET', `${BASE}/effective`)).settings
