// What /api/v1 says, as crates/api writes it.

import type { ViewerInfo } from '../terminal/frames.ts'

export interface Session {
  uid: string
  name: string | null
  state: 'running' | 'ended'
  /** RFC 3339, UTC. */
  created: string
  pid: number
  cols: number
  rows: number
  title: string | null
  cwd: string | null
  command: string[]
  account: string
  user: string | null
  viewers: ViewerInfo[]
  recording: { state: RecordingState; reason: string | null }
  exit: { code: number; signal?: number } | null
}

export type RecordingState = 'recording' | 'stalled' | 'failed' | 'closed' | 'off'

/** What a person calls it: its name, else what runs in it. */
export function sessionName(session: Pick<Session, 'name' | 'command' | 'uid'>): string {
  if (session.name) return session.name
  const program = session.command[0]?.split('/').at(-1)?.replace(/^-/, '')
  return program || session.uid.slice(-8)
}
