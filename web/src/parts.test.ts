import { describe, expect, it } from 'vitest'
import { apply, type Live, newest } from './api/live.ts'
import { type Session, sessionName } from './api/types.ts'
import { ago } from './parts/ago.tsx'
import { readPlace } from './router.ts'

function session(uid: string, created: string): Session {
  return {
    uid,
    name: null,
    state: 'running',
    created,
    pid: 1,
    cols: 80,
    rows: 24,
    title: null,
    cwd: null,
    label: null,
    command: ['/bin/bash'],
    account: 'me',
    owner: null,
    server: null,
    access: 'admin',
    viewers: [],
    recording: { state: 'recording', reason: null },
    exit: null,
  }
}

const nothing: Live = { state: 'loading', sessions: [], waiting: null }
const uids = (live: Live) => live.sessions.map((one) => one.uid)

describe('what runs', () => {
  it('is replaced as a whole, newest first', () => {
    const all = [session('a', '2026-01-01T00:00:00Z'), session('b', '2026-01-02T00:00:00Z')]
    const live = apply(nothing, { type: 'sessions', sessions: all, waiting: null })
    expect(uids(live)).toEqual(['b', 'a'])
    expect(live.state).toBe('live')
  })

  it('changes in place, and loses what was removed', () => {
    const first = apply(nothing, {
      type: 'sessions',
      sessions: [session('a', '2026-01-01T00:00:00Z'), session('b', '2026-01-02T00:00:00Z')],
      waiting: null,
    })
    const ended: Session = { ...session('a', '2026-01-01T00:00:00Z'), state: 'ended' }
    const next = apply(first, { type: 'changed', sessions: [ended], removed: ['b'], waiting: 'away' })
    expect(next.sessions).toEqual([ended])
    expect(next.waiting).toBe('away')
  })
})

describe('names and times', () => {
  it('a session without a name is called by its program', () => {
    expect(sessionName(session('0190', ''))).toBe('bash')
    expect(sessionName({ name: 'build', command: [], uid: '' })).toBe('build')
    expect(sessionName({ name: null, command: ['-zsh'], uid: '' })).toBe('zsh')
    expect(sessionName({ name: null, command: [], uid: '0190-12345678' })).toBe('12345678')
  })

  it('says how long ago in the largest whole unit', () => {
    expect(ago(0, 30_000, 'en')).toBe('30s ago')
    expect(ago(0, 3_700_000, 'en')).toBe('1h ago')
    expect(ago(0, 3_700_000, 'zh-CN')).toBe('1小时前')
    expect(ago(5_000, 0, 'en')).toBe('now')
  })
})

describe('addresses', () => {
  it('name a page', () => {
    const uid = '0190a5b2-0000-7000-8000-000000000000'
    expect(readPlace('/', '')).toEqual({ page: 'home' })
    expect(readPlace(`/t/${uid}`, '')).toEqual({ page: 'terminal', uid, watch: false })
    expect(readPlace(`/t/${uid}`, '?watch=1')).toEqual({ page: 'terminal', uid, watch: true })
    expect(readPlace('/t/x', '')).toEqual({ page: 'missing' })
    expect(readPlace('/connections', '')).toEqual({ page: 'connections' })
  })
})

describe('the status of a server', () => {
  const at = (last_check: string | null) => ({ id: 1, status: 'offline' as const, last_check })

  it('is the one that was looked at last', () => {
    const answered = { ...at('2026-01-01T00:00:00Z'), status: 'online' as const }
    expect(newest(answered, undefined)).toBe(answered)
    expect(newest(answered, at('2025-12-31T00:00:00Z')).status).toBe('online')
    expect(newest(answered, at('2026-01-02T00:00:00Z'))).toEqual(at('2026-01-02T00:00:00Z'))
    expect(newest({ ...answered, last_check: null }, at('2026-01-02T00:00:00Z')).status).toBe('offline')
  })
})
