// Servers, credentials and who may use them: requests to /api/v1, and the shapes of their answers.

import { all, id, json, nothing, page, request } from './client.ts'
import type { components } from './schema.d.ts'
import type { Named, Page } from './types.ts'

type Schemas = components['schemas']

export type ServerStatus = Schemas['ServerStatus']
export type Server = Schemas['Server']

export interface ServerFields {
  name: string
  host: string
  port: number
  platform: string | null
  tags: string[]
  group: string | null
  jump_id: number | null
  notes: string | null
  agent_port: number | null
  legacy_algorithms: boolean
  agent_forwarding: boolean
  ask_host_key: boolean
  default_credential_id: number | null
  /** Make the default credential, or a new version of it; never answered. */
  username?: string
  password?: string
}

export interface ServerQuery {
  q?: string
  tag?: string
  group?: string
  cursor?: string | null
}

const SERVERS = '/api/v1/servers'
const PAGE = 500

export function listServers({ q, tag, group, cursor }: ServerQuery = {}): Promise<Page<Server>> {
  const query = new URLSearchParams({
    limit: String(PAGE),
    ...(q && { q }),
    ...(tag && { tag }),
    ...(group && { group }),
    ...(cursor && { cursor }),
  })
  return page<'servers', Server>(SERVERS, 'servers', query)
}
export const allServers = () => all<'servers', Server>(SERVERS, 'servers')
export const getServer = (server: number) => json<Server>('GET', `${SERVERS}/${id(server)}`)
export const createServer = (fields: Partial<ServerFields>) => json<Server>('POST', SERVERS, fields)
export const changeServer = (server: number, fields: Partial<ServerFields>) =>
  json<Server>('PATCH', `${SERVERS}/${id(server)}`, fields)
export const deleteServer = (server: number) => nothing('DELETE', `${SERVERS}/${id(server)}`)

export interface Reach {
  tcp?: boolean | null
  ssh?: boolean | null
  icmp?: boolean | null
}
export interface CheckResult {
  status: ServerStatus
  reachable: Reach
  /** What failed and how to mend it. */
  why: string | null
  facts: Record<string, unknown> | null
}
export const checkServer = (server: number) => json<CheckResult>('POST', `${SERVERS}/${id(server)}/check`)

// Import and export.

export const IMPORT_FORMATS = ['ssh_config', 'csv', 'ansible'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]
export interface ImportReport {
  created: (string | Named)[]
  changed: (string | Named)[]
  skipped: { line: number | null; name: string | null; why: string }[]
  dry_run: boolean
}
export const importServers = (format: ImportFormat, text: string, dryRun: boolean) =>
  json<ImportReport>('POST', `${SERVERS}/import`, { format, text, dry_run: dryRun })
export const exportAddress = (format: ImportFormat) => `${SERVERS}/export?format=${format}`

// Host keys.

export type HostKey = Schemas['HostKey']
export interface PresentedKey {
  host: string
  port: number
  algorithm: string
  fingerprint: string
  /** `algorithm base64`. */
  key: string
}
export const listHostKeys = (server: number) =>
  all<'items', HostKey>(`${SERVERS}/${id(server)}/host-keys`, 'items')
export const addHostKey = (server: number, key: string) =>
  json<HostKey>('POST', `${SERVERS}/${id(server)}/host-keys`, { key })
export const deleteHostKey = (key: number) => nothing('DELETE', `/api/v1/host-keys/${id(key)}`)
/** The key that the server shows now; nothing is kept. */
export const scanHostKey = (server: number) =>
  json<PresentedKey>('POST', `${SERVERS}/${id(server)}/host-keys/scan`)

// On a server.

export interface Executed {
  exit_status: number | null
  signal: string | null
  stdout: string
  stderr: string
  truncated: boolean
  stdout_bytes: number
  stderr_bytes: number
  duration_ms: number
}
export async function execute(
  server: number,
  wanted: { command: string; credential_id?: number; timeout_seconds?: number },
  signal: AbortSignal,
): Promise<Executed> {
  const response = await request('POST', `${SERVERS}/${id(server)}/execute`, wanted, signal)
  return response.json()
}
/** Bytes, and shares from 0 to 100; a metric that failed is in `errors` under its name. */
export interface Resources {
  cpu: { percent?: number | null; cores?: number | null; load?: number[] | null } | null
  memory: { total?: number | null; available?: number | null; used?: number | null } | null
  disks: { mount: string; total: number; used: number; available?: number }[] | null
  errors: Record<string, string>
}
export const getResources = (server: number) => json<Resources>('GET', `${SERVERS}/${id(server)}/resources`)
/** Ends the pooled connections to it. */
export const disconnectServer = (server: number) => nothing('POST', `${SERVERS}/${id(server)}/disconnect`)

// Credentials. What is secret is only ever sent.

export const CREDENTIAL_KINDS = ['password', 'key', 'keyboard_interactive', 'ask'] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]
export const SECRETS = ['password', 'key', 'passphrase', 'certificate'] as const
export type SecretName = (typeof SECRETS)[number]

export interface Credential {
  id: number
  name: string
  username: string
  kind: CredentialKind
  /** Which secrets there are. */
  set: Partial<Record<SecretName, boolean>>
  public_key: string | null
  fingerprint: string | null
  created: string
  changed: string
  /** Servers and grants, each with a word for what it is. */
  used_by: string[]
}
export type CredentialFields = {
  name: string
  username: string
  kind: CredentialKind
} & Partial<Record<SecretName, string | null>>

const CREDENTIALS = '/api/v1/credentials'
export const listCredentials = () => all<'credentials', Credential>(CREDENTIALS, 'credentials')
export const createCredential = (fields: CredentialFields) => json<Credential>('POST', CREDENTIALS, fields)
export const changeCredential = (credential: number, fields: Partial<CredentialFields>) =>
  json<Credential>('PATCH', `${CREDENTIALS}/${id(credential)}`, fields)
export const deleteCredential = (credential: number) => nothing('DELETE', `${CREDENTIALS}/${id(credential)}`)

// Who may use what.

export type Group = Schemas['Group']
export const listGroups = () => all<'groups', Group>('/api/v1/groups', 'groups')
export const createGroup = (name: string, members: number[]) =>
  json<Group>('POST', '/api/v1/groups', { name, members })
export const changeGroup = (group: number, change: Schemas['GroupChange']) =>
  json<Group>('PATCH', `/api/v1/groups/${id(group)}`, change)
export const deleteGroup = (group: number) => nothing('DELETE', `/api/v1/groups/${id(group)}`)

/** Without a credential: the server's own one. */
export type Grant = Schemas['Grant']
export const listGrants = () => all<'grants', Grant>('/api/v1/grants', 'grants')
export const createGrant = (grant: Schemas['GrantCreate']) => json<Grant>('POST', '/api/v1/grants', grant)
export const deleteGrant = (grant: number) => nothing('DELETE', `/api/v1/grants/${id(grant)}`)
