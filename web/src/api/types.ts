// What /api/v1 says, by the names that the client uses. The shapes are those of docs/openapi.json (schema.d.ts);
// only what the document leaves open is said here.

import type { components } from './schema.d.ts'

type Schemas = components['schemas']

export type Role = Schemas['Role']
export type Scope = Schemas['Scope']
export type User = Schemas['User']
export type Login = Schemas['Login']
export type Owner = Schemas['Owner']
export type Token = Schemas['Token']
export type SshKey = Schemas['SshKey']
export type SshKeyList = Schemas['SshKeyList']
export type Identity = Schemas['Identity']
export type LoginWays = Schemas['LoginWays']
export type NewUser = Schemas['UserCreate']
export type UserChange = Schemas['UserChange']
export type Exit = Schemas['Exit']

/** An action that may be offered to somebody. */
export type Right = 'session_create' | 'user_list' | (string & {})
export type Me = Schemas['Me'] & { rights: Right[] }

/** What the one who asks may do with a session. */
export type SessionAccess = Schemas['Access']

/** Of the recording of a session that the daemon knows. */
export type RecordingState = 'recording' | 'stalled' | 'failed' | 'closed' | 'off'

/** Something with a number and a name. */
export type Named = Schemas['Named']

export type Session = Schemas['Session'] & { recording: { state: RecordingState } }

/** Whether there is, or soon will be, something to type into. */
export function isOpen(session: Pick<Session, 'state'>): boolean {
  return session.state !== 'ended'
}

export type Recording = Omit<Schemas['Recording'], 'exit'> & { exit: Exit | null }

/** One page of a list; `next` asks for the following one. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** What a person calls it: its name, else what runs in it. */
export function sessionName(
  session: Pick<Session, 'name' | 'command' | 'uid'> & { server?: Named | null },
): string {
  if (session.name) return session.name
  if (session.server) return session.server.name
  const program = session.command[0]?.split('/').at(-1)?.replace(/^-/, '')
  return program || session.uid.slice(-8)
}

export function recordingName(recording: Recording): string {
  return sessionName({ ...recording, uid: recording.id })
}

/** Whether they may end it. */
export function mayEnd(session: Pick<Session, 'access'>): boolean {
  return session.access === 'admin' || session.access === 'own'
}

/** Whether they may type in it. */
export function mayWrite(session: Pick<Session, 'access'>): boolean {
  return session.access !== 'watch'
}
