// Servers, credentials and who may use them: requests to /api/v1, and the shapes of their answers.

import { all, id, json, nothing, page, request } from './client.ts'
import type { components } from './schema.d.ts'
import type { Page } from './types.ts'

type Schemas = components['schemas']

export type ServerStatus = Schemas['ServerStatus']
export type Server = Schemas['Server']

export type ServerFields = Schemas['ServerCreate']
export type ServerChange = Schemas['ServerChange']

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
export const createServer = (fields: ServerFields) => json<Server>('POST', SERVERS, fields)
export const changeServer = (server: number, fields: ServerChange) =>
  json<Server>('PATCH', `${SERVERS}/${id(server)}`, fields)
export const deleteServer = (server: number) => nothing('DELETE', `${SERVERS}/${id(server)}`)

/** When a server was looked at last, and what was found. */
export type StatusNow = Schemas['ServerStatusNow']
export type HostFacts = Schemas['HostFacts']
export type CheckResult = Schemas['ServerCheck']
export const checkServer = (server: number) => json<CheckResult>('POST', `${SERVERS}/${id(server)}/check`)

// Import and export.

export const IMPORT_FORMATS = ['ssh_config', 'csv', 'ansible'] as const satisfies ImportFormat[]
export type ImportFormat = Schemas['InventoryFormat']
export type ImportReport = Schemas['Imported']
export const importServers = (format: ImportFormat, text: string, dryRun: boolean) =>
  json<ImportReport>('POST', `${SERVERS}/import`, { format, text, dry_run: dryRun })
export const exportAddress = (format: ImportFormat) => `${SERVERS}/export?format=${format}`

// Host keys.

export type HostKey = Schemas['HostKey']
export type PresentedKey = Schemas['PresentedHostKey']
export const listHostKeys = (server: number) =>
  all<'items', HostKey>(`${SERVERS}/${id(server)}/host-keys`, 'items')
export const addHostKey = (server: number, key: string) =>
  json<HostKey>('POST', `${SERVERS}/${id(server)}/host-keys`, { key })
export const deleteHostKey = (key: number) => nothing('DELETE', `/api/v1/host-keys/${id(key)}`)
/** Accepts what a known_hosts file has for servers that are there. */
export const importKnownHosts = (text: string, dryRun: boolean) =>
  json<ImportReport>('POST', `${SERVERS}/known-hosts`, { text, dry_run: dryRun })
/** The key that the server shows now; nothing is kept. */
export const scanHostKey = (server: number) =>
  json<PresentedKey>('POST', `${SERVERS}/${id(server)}/host-keys/scan`)

// On a server.

export type Executed = Schemas['Executed']
export async function execute(
  server: number,
  wanted: Pick<Schemas['ServerExecute'], 'command'> & Partial<Schemas['ServerExecute']>,
  signal: AbortSignal,
): Promise<Executed> {
  const response = await request('POST', `${SERVERS}/${id(server)}/execute`, wanted, signal)
  return response.json()
}
export type Resources = Schemas['Resources']
export const getResources = (server: number) => json<Resources>('GET', `${SERVERS}/${id(server)}/resources`)
export type Disconnected = Schemas['ServerDisconnected']
/** Ends one's own connections to it, and one's terminals on it. */
export const disconnectServer = (server: number) =>
  json<Disconnected>('POST', `${SERVERS}/${id(server)}/disconnect`)

// Connections that terminals and commands share, and keys that sign the host keys of others.

export type Connection = Schemas['Connection']
export type ConnectionList = Schemas['ConnectionList']
export const listConnections = () => json<ConnectionList>('GET', '/api/v1/connections')
export const endConnection = ({ id: number, pool }: Connection) =>
  nothing('DELETE', `/api/v1/connections/${id(number)}?pool=${pool}`)

export type HostAuthority = Schemas['HostAuthority']
const AUTHORITIES = '/api/v1/host-authorities'
export const listHostAuthorities = () => all<'items', HostAuthority>(AUTHORITIES, 'items')
export const createHostAuthority = (authority: Schemas['HostAuthorityCreate']) =>
  json<HostAuthority>('POST', AUTHORITIES, authority)
/** Whose signature says who somebody is, at the SSH door. */
export type UserAuthority = Schemas['UserAuthority']
const USER_AUTHORITIES = '/api/v1/user-authorities'
export const listUserAuthorities = () => all<'items', UserAuthority>(USER_AUTHORITIES, 'items')
export const createUserAuthority = (authority: Schemas['UserAuthorityCreate']) =>
  json<UserAuthority>('POST', USER_AUTHORITIES, authority)
export const deleteUserAuthority = (authority: number) =>
  nothing('DELETE', `${USER_AUTHORITIES}/${id(authority)}`)
export const deleteHostAuthority = (authority: number) => nothing('DELETE', `${AUTHORITIES}/${id(authority)}`)

// Credentials. What is secret is only ever sent.

export type CredentialKind = Schemas['CredentialKind']
export const CREDENTIAL_KINDS = [
  'password',
  'key',
  'keyboard_interactive',
  'ask',
] as const satisfies CredentialKind[]
export type SecretName = keyof Schemas['SecretsSet']
export const SECRETS = ['password', 'key', 'passphrase', 'certificate'] as const satisfies SecretName[]
export type Credential = Schemas['Credential']
export type CredentialFields = Schemas['CredentialCreate']

const CREDENTIALS = '/api/v1/credentials'
export const listCredentials = () => all<'credentials', Credential>(CREDENTIALS, 'credentials')
export const createCredential = (fields: CredentialFields) => json<Credential>('POST', CREDENTIALS, fields)
export const changeCredential = (credential: number, fields: Schemas['CredentialChange']) =>
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
export type GrantRight = Schemas['Right']
export type Weekday = Schemas['Weekday']
export const listGrants = () => all<'grants', Grant>('/api/v1/grants', 'grants')
export const createGrant = (grant: Schemas['GrantCreate']) => json<Grant>('POST', '/api/v1/grants', grant)
export const deleteGrant = (grant: number) => nothing('DELETE', `/api/v1/grants/${id(grant)}`)
