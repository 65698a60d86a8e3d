// Requests to /api/v1. Every failure is a Problem with words that can be shown.

import type { Session } from './types.ts'

export class Problem extends Error {
  /** HTTP status; 0 when the server could not be reached. */
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

async function request(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
  } catch {
    throw new Problem(0, '')
  }
  if (response.ok) return response
  const problem: { detail?: string } = await response.json().catch(() => ({}))
  throw new Problem(response.status, problem.detail ?? response.statusText)
}

export async function createSession(size?: { cols: number; rows: number }): Promise<Session> {
  const response = await request('POST', '/api/v1/sessions', { ...size })
  return response.json()
}

export async function endSession(uid: string): Promise<void> {
  await request('DELETE', `/api/v1/sessions/${uid}`)
}

/** Throws a Problem when it is not there, or when nobody is logged in. */
export async function getSession(uid: string): Promise<Session> {
  const response = await request('GET', `/api/v1/sessions/${uid}`)
  return response.json()
}

export async function listSessions(): Promise<Session[]> {
  const response = await request('GET', '/api/v1/sessions')
  const list: { sessions: Session[] } = await response.json()
  return list.sessions
}

export async function logOut(): Promise<void> {
  await request('POST', '/api/v1/logout')
}
