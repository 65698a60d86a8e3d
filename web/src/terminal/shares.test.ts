import { afterEach, describe, expect, it, vi } from 'vitest'
import { Problem } from '../api/client.ts'
import { createShare, DURATIONS, durationWords, endShare, listShares } from './shares.ts'

const UID = '01900000-0000-7000-8000-000000000001'
const SHARE = {
  id: 'a',
  access: 'watch',
  created: '2026-01-01T00:00:00Z',
  expires: '2026-01-01T01:00:00Z',
  created_by: 'ann',
  guests: [],
}

/** Answers one request, and keeps what was asked. */
function server(status: number, body?: unknown) {
  const asked = vi.fn(async (_path: string, _init?: RequestInit) =>
    body === undefined ? new Response(null, { status }) : Response.json(body, { status }),
  )
  vi.stubGlobal('fetch', asked)
  return asked
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('shares', () => {
  it('are listed, made and taken back where the API has them', async () => {
    const listed = server(200, { shares: [SHARE], next: null })
    expect(await listShares(UID)).toEqual([SHARE])
    expect(listed.mock.calls[0]?.[0]).toBe(`/api/v1/sessions/${UID}/shares`)

    const made = server(201, { share: SHARE, url: 'https://host/s/x' })
    expect((await createShare(UID, 'write', 15)).url).toBe('https://host/s/x')
    const [, init] = made.mock.calls[0] ?? []
    expect(init?.method).toBe('POST')
    expect(JSON.parse(String(init?.body))).toEqual({ access: 'write', expires_in_minutes: 15 })

    const ended = server(204)
    await endShare(UID, 'a/b')
    expect(ended.mock.calls[0]?.[0]).toBe(`/api/v1/sessions/${UID}/shares/a%2Fb`)
    expect(ended.mock.calls[0]?.[1]?.method).toBe('DELETE')
  })

  it('say why they do not work', async () => {
    server(403, { detail: 'only its owner shares a session' })
    const refused = await listShares(UID).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(Problem)
    expect(refused).toMatchObject({ status: 403, message: 'only its owner shares a session' })
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    expect(await listShares(UID).catch((error: unknown) => error)).toMatchObject({ status: 0 })
  })

  it('last as long as the API allows, in words', () => {
    for (const minutes of DURATIONS) {
      expect(minutes).toBeGreaterThanOrEqual(1)
      expect(minutes).toBeLessThanOrEqual(10_080)
    }
    expect(DURATIONS.map((minutes) => durationWords(minutes))).toEqual([
      { key: 'share.minutes', count: 15 },
      { key: 'share.hours', count: 1 },
      { key: 'share.hours', count: 8 },
      { key: 'share.days', count: 1 },
      { key: 'share.days', count: 7 },
    ])
  })
})
