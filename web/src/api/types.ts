// What /api/v1 says. Times are RFC 3339, UTC.

import type { ViewerInfo } from '../terminal/frames.ts'

export type Role = 'admin' | 'user'
export type Scope = 'full' | 'read'

export interface User {
  id: number
  uid: string
  username: string
  display_name: string | null
  role: Role
  /** The account of the machine whose shells they open. */
  account: string | null
  enabled: boolean
  password_set: boolean
  created: string
  last_login: string | null
}

export interface Login {
  id: string
  kind: 'cookie' | 'token'
  scope: Scope
  created: string
  expires: string | null
  address: string | null
  agent: string | null
  /** The one that asks. */
  current: boolean
}

/** An action that may be offered to them. */
export type Right = 'session_create' | 'user_list' | (string & {})

export interface Me {
  user: User
  login: Login
  server: { version: string; https: boolean }
  rights: Right[]
}

export interface Owner {
  id: number
  username: string
}

/** What the one who asks may do with a session. */
export type SessionAccess = 'admin' | 'own' | 'write' | 'watch'

export interface Exit {
  code: number | null
  signal?: number | null
}

export interface Session {
  uid: string
  name: string | null
  state: 'running' | 'ended'
  created: string
  pid: number
  cols: number
  rows: number
  title: string | null
  cwd: string | null
  command: string[]
  account: string
  user: string | null
  owner?: Owner | null
  access?: SessionAccess
  viewers: ViewerInfo[]
  recording: { state: RecordingState; reason: string | null }
  exit: { code: number; signal?: number } | null
}

export type RecordingState = 'recording' | 'stalled' | 'failed' | 'closed' | 'off'

export interface Recording {
  /** That of its session. */
  id: string
  name: string | null
  owner: Owner | null
  command: string[]
  account: string
  started: string
  ended: string | null
  duration_ms: number | null
  cols: number
  rows: number
  /** As it lies on the disk. */
  bytes: number
  state: 'recording' | 'closed' | 'failed' | 'lost'
  exit: Exit | null
}

export interface Token {
  id: string
  user_id: number
  name: string
  scope: Scope
  /** How the secret begins. */
  hint: string
  created: string
  expires: string | null
  last_used: string | null
}

/** One page of a list; `next` asks for the following one. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** What a person calls it: its name, else what runs in it. */
export function sessionName(session: Pick<Session, 'name' | 'command' | 'uid'>): string {
  if (session.name) return session.name
  const program = session.command[0]?.split('/').at(-1)?.replace(/^-/, '')
  return program || session.uid.slice(-8)
}

export function recordingName(recording: Recording): string {
  return sessionName({ ...recording, uid: recording.id })
}

/** Whether they may type in it; a server that does not say lets everyone who sees it. */
export function mayWrite(session: Pick<Session, 'access'>): boolean {
  return session.access !== 'watch'
}

/** Whether they may end it. */
export function mayEnd(session: Pick<Session, 'access'>): boolean {
  return session.access === undefined || session.access === 'admin' || session.access === 'own'
}
