// Requests to /api/v1. Every failure is a Problem with words that can be shown.

import type { SecondFactor } from './factors.ts'
import type {
  Identity,
  Login,
  LoginWays,
  Me,
  NewUser,
  Page,
  Recording,
  Scope,
  Session,
  SshKey,
  SshKeyList,
  Token,
  User,
  UserChange,
} from './types.ts'

export class Problem extends Error {
  /** HTTP status; 0 when the server could not be reached. */
  readonly status: number
  /** The last part of its `type`: `bad_credentials`, `weak_password`, …; empty when there is none. */
  readonly kind: string
  /** Seconds to wait before asking again, where the server says so. */
  readonly retryAfter: number | null
  /** By which the server's log finds this answer. */
  readonly requestId: string | null
  /** What is wrong with a document, and where in it. */
  readonly faults: readonly { place: string; what: string }[]
  /** What the rule says that a command was refused by. */
  readonly reason: { en?: string; zh?: string } | null
  /** The first step of logging in was right: what the second takes. */
  readonly secondFactor: SecondFactor | null

  constructor(
    status: number,
    detail: string,
    more: Partial<
      Pick<Problem, 'kind' | 'retryAfter' | 'requestId' | 'faults' | 'reason' | 'secondFactor'>
    > = {},
  ) {
    super(detail)
    this.status = status
    this.kind = more.kind ?? ''
    this.retryAfter = more.retryAfter ?? null
    this.requestId = more.requestId ?? null
    this.faults = more.faults ?? []
    this.reason = more.reason ?? null
    this.secondFactor = more.secondFactor ?? null
  }
}

let notLoggedIn = () => {}

/** Called when an answer says that nobody is logged in (any more). */
export function whenNotLoggedIn(then: () => void): void {
  notLoggedIn = then
}

/** Refusals of who is logging in: nobody was in before. */
const LOGGING_IN = ['bad_credentials', 'second_factor_needed', 'bad_code', 'begin_again']

const KIND = /^urn:bastide:problem:(\w+)$/

interface Said {
  type?: string
  detail?: string
  request_id?: string
  faults?: Problem['faults']
  reason?: Problem['reason']
  second_factor?: SecondFactor
}

async function problemOf(response: Response): Promise<Problem> {
  const said: Said = await response.json().catch(() => ({}))
  const retryAfter = Number.parseInt(response.headers.get('retry-after') ?? '', 10)
  return new Problem(response.status, said.detail ?? response.statusText, {
    kind: KIND.exec(said.type ?? '')?.[1] ?? '',
    retryAfter: Number.isNaN(retryAfter) ? null : retryAfter,
    requestId: said.request_id ?? null,
    faults: Array.isArray(said.faults) ? said.faults : [],
    reason: said.reason ?? null,
    secondFactor: said.second_factor ?? null,
  })
}

export async function request(
  method: string,
  path: string,
  body?: unknown,
  more: AbortSignal | Record<string, string> = {},
): Promise<Response> {
  const signal = more instanceof AbortSignal ? more : null
  const headers = more instanceof AbortSignal ? {} : more
  let response: Response
  try {
    response = await fetch(path, {
      method,
      ...(signal && { signal }),
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Problem(0, '')
  }
  if (response.ok) return response
  const problem = await problemOf(response)
  if (problem.status === 401 && !LOGGING_IN.includes(problem.kind)) notLoggedIn()
  throw problem
}

export async function json<T>(
  method: string,
  path: string,
  body?: unknown,
  /** What gives it up, or more headers. */
  more?: AbortSignal | Record<string, string>,
): Promise<T> {
  const response = await request(method, path, body, more)
  return response.json()
}

export async function nothing(method: string, path: string, body?: unknown): Promise<void> {
  await request(method, path, body)
}

type Listed<K extends string, T> = Record<K, T[]> & { next?: string | null }

/** The largest page that the server gives. */
const PAGE = 500
/** More pages than this are not a list that a person reads. */
const MOST_PAGES = 40

export async function page<K extends string, T>(
  path: string,
  key: K,
  query: URLSearchParams,
): Promise<Page<T>> {
  const list = await json<Listed<K, T>>('GET', `${path}?${query}`)
  return { items: list[key], next: list.next ?? null }
}

export async function all<K extends string, T>(path: string, key: K): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = null
  for (let asked = 0; asked < MOST_PAGES; asked++) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) })
    const got: Page<T> = await page<K, T>(path, key, query)
    items.push(...got.items)
    cursor = got.next
    if (!cursor) break
  }
  return items
}

export const id = (one: string | number) => encodeURIComponent(one)

// Who is here.

export interface LoggedIn {
  user: User
  login: Login
}

export const logIn = (username: string, password: string) =>
  json<LoggedIn>('POST', '/api/v1/login', { username, password })

/** How one can log in here. */
export const loginWays = () => json<LoginWays>('GET', '/api/v1/login')

export const logOut = () => nothing('POST', '/api/v1/logout')

export interface LookedAt {
  username: string
  password_set: boolean
  expires: string
}

/** Whom a login link is for; uses nothing up. */
export const lookAtLink = (token: string) => json<LookedAt>('POST', '/api/v1/login-links/look', { token })

/** Without a password the one that is set stays. */
export const applyLink = (token: string, password?: string) =>
  json<LoggedIn>('POST', '/api/v1/login-links/use', {
    token,
    ...(password === undefined ? {} : { password }),
  })

export const getMe = () => json<Me>('GET', '/api/v1/me')

export const changePassword = (current: string, password: string) =>
  nothing('PUT', '/api/v1/me/password', { current, new: password })

export const listLogins = () => all<'logins', Login>('/api/v1/me/logins', 'logins')
export const endLogin = (login: string) => nothing('DELETE', `/api/v1/me/logins/${id(login)}`)

export const listTokens = () => all<'tokens', Token>('/api/v1/tokens', 'tokens')
export const createToken = (name: string, scope: Scope, days: number | null) =>
  json<{ token: Token; secret: string }>('POST', '/api/v1/tokens', { name, scope, expires_in_days: days })
export const deleteToken = (token: string) => nothing('DELETE', `/api/v1/tokens/${id(token)}`)

export const getSshKeys = () => json<SshKeyList>('GET', '/api/v1/me/ssh-keys')
export const addSshKey = (key: string, name: string) =>
  json<SshKey>('POST', '/api/v1/me/ssh-keys', { key, ...(name ? { name } : {}) })
export const deleteSshKey = (key: string) => nothing('DELETE', `/api/v1/me/ssh-keys/${id(key)}`)

// People.

export const listUsers = () => all<'users', User>('/api/v1/users', 'users')

/** By whom a provider of single sign-on knows somebody. */
export const listIdentities = (user: number) =>
  all<'items', Identity>(`/api/v1/users/${id(user)}/identities`, 'items')
export const addIdentity = (user: number, subject: string) =>
  json<Identity>('POST', `/api/v1/users/${id(user)}/identities`, { subject })
export const deleteIdentity = (user: number, identity: number) =>
  nothing('DELETE', `/api/v1/users/${id(user)}/identities/${id(identity)}`)
export const createUser = (user: NewUser) => json<User>('POST', '/api/v1/users', user)
export const changeUser = (user: number, change: UserChange) =>
  json<User>('PATCH', `/api/v1/users/${user}`, change)
export const deleteUser = (user: number) => nothing('DELETE', `/api/v1/users/${user}`)
export const createLoginLink = (user: number) =>
  json<{ url: string; expires: string }>('POST', `/api/v1/users/${user}/login-link`)

// Sessions.

export interface WantedSession {
  cwd?: string
  /** On that server over SSH, not on this machine. */
  server_id?: number
  credential_id?: number
}
export const createSession = (wanted?: WantedSession) =>
  json<Session>('POST', '/api/v1/sessions', { ...wanted })
export const endSession = (uid: string) => nothing('DELETE', `/api/v1/sessions/${id(uid)}`)
/** Everybody there is told, and why; `after` in seconds. */
export const endSessionSoon = (uid: string, notice: string, after: number) =>
  nothing('POST', `/api/v1/sessions/${id(uid)}/end`, { notice, after })
export const stopSessionEnd = (uid: string) => nothing('DELETE', `/api/v1/sessions/${id(uid)}/end`)
export const tellEverybody = (uid: string, text: string) =>
  nothing('POST', `/api/v1/sessions/${id(uid)}/message`, { text })
/** To one viewer alone; null: back to all who may write there. */
export const giveKeyboard = (uid: string, viewer: number | null) =>
  nothing('PUT', `/api/v1/sessions/${id(uid)}/keyboard`, { viewer })
export const askForKeyboard = (uid: string, viewer: number) =>
  nothing('PUT', `/api/v1/sessions/${id(uid)}/viewers/${viewer}/ask`)
/** Of one's own viewer: not any more. */
export const refuseKeyboard = (uid: string, viewer: number) =>
  nothing('DELETE', `/api/v1/sessions/${id(uid)}/viewers/${viewer}/ask`)
export const showOut = (uid: string, viewer: number) =>
  nothing('DELETE', `/api/v1/sessions/${id(uid)}/viewers/${viewer}`)
/** Throws a Problem when it is not there, or when nobody is logged in. */
export const getSession = (uid: string) => json<Session>('GET', `/api/v1/sessions/${id(uid)}`)
export const listSessions = () => all<'sessions', Session>('/api/v1/sessions', 'sessions')

/** What a share link leads to. */
export const applyShare = (token: string) =>
  json<{ session: string; access: 'watch' | 'write' }>('POST', '/api/v1/shares/use', { token })

// Recordings.

export interface RecordingQuery {
  q?: string
  cursor?: string | null
  limit?: number
}

export function listRecordings({ q, cursor, limit = 100 }: RecordingQuery = {}): Promise<Page<Recording>> {
  const query = new URLSearchParams({ limit: String(limit), ...(q && { q }), ...(cursor && { cursor }) })
  return page<'recordings', Recording>('/api/v1/recordings', 'recordings', query)
}

export const getRecording = (recording: string) =>
  json<Recording>('GET', `/api/v1/recordings/${id(recording)}`)

export function castAddress(recording: string, format: 'v3' | 'v2', download = false): string {
  const query = new URLSearchParams({ format, ...(download && { download: '1' }) })
  return `/api/v1/recordings/${id(recording)}/cast?${query}`
}

/** The whole recording as asciicast v3. `signal` gives it up. */
export async function getCast(recording: string, signal: AbortSignal): Promise<string> {
  const response = await request('GET', castAddress(recording, 'v3'), undefined, signal)
  return response.text()
}
