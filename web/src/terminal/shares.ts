// Links by which others may look at one terminal, or type in it (/api/v1/sessions/UID/shares).

import { Problem } from '../api/client.ts'

export type ShareAccess = 'watch' | 'write'

export interface Share {
  id: string
  access: ShareAccess
  /** RFC 3339, UTC. */
  created: string
  expires: string
  created_by: string
  /** User names of who has used it. */
  guests: string[]
}

/** Minutes that a link can be used. */
export const DURATIONS = [15, 60, 480, 1_440, 10_080] as const

async function request<T>(method: string, uid: string, rest = '', body?: unknown): Promise<T> {
  let response: Response
  try {
    response = await fetch(`/api/v1/sessions/${uid}/shares${rest}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
  } catch {
    throw new Problem(0, '')
  }
  if (response.ok) return response.status === 204 ? (undefined as T) : response.json()
  const problem: { detail?: string } = await response.json().catch(() => ({}))
  throw new Problem(response.status, problem.detail ?? response.statusText)
}

/** The first page: nobody reads more. */
export async function listShares(uid: string): Promise<Share[]> {
  const { shares } = await request<{ shares: Share[] }>('GET', uid)
  return shares
}

export function createShare(uid: string, access: ShareAccess, minutes: number) {
  return request<{ share: Share; url: string }>('POST', uid, '', {
    access,
    expires_in_minutes: minutes,
  })
}

export function endShare(uid: string, id: string): Promise<void> {
  return request('DELETE', uid, `/${encodeURIComponent(id)}`)
}

/** `share.minutes` and its number, or in hours or days where they are whole. */
export function durationWords(minutes: number): {
  key: 'share.minutes' | 'share.hours' | 'share.days'
  count: number
} {
  if (minutes % 1_440 === 0) return { key: 'share.days', count: minutes / 1_440 }
  if (minutes % 60 === 0) return { key: 'share.hours', count: minutes / 60 }
  return { key: 'share.minutes', count: minutes }
}
