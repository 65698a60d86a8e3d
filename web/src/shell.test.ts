import { describe, expect, it } from 'vitest'
import type { Session } from './api/types.ts'
import { fuzzy, rank } from './frame/fuzzy.ts'
import { overlayFor } from './frame/open.ts'
import { filterSessions, readShow } from './pages/sessions.tsx'
import { agentWords } from './parts/agent.ts'
import { durationWords } from './parts/duration.ts'
import { passwordFault, passwordStrength } from './parts/password.ts'
import { shownColumns } from './parts/table.tsx'
import { untilWords } from './parts/until.tsx'
import { replayKey } from './replay/keys.ts'
import { hideLinkToken, inside, loginAddress, readPlace, recordingAddress } from './router.ts'

const ID = '01900000-0000-7000-8000-000000000001'

describe('addresses', () => {
  it('name pages', () => {
    expect(readPlace('/recordings/', '')).toEqual({ page: 'recordings' })
    expect(readPlace(`/recordings/${ID}`, '?t=12.5')).toEqual({ page: 'recording', id: ID, at: 12.5 })
    expect(readPlace(`/recordings/${ID}`, '?t=-1')).toMatchObject({ at: 0 })
    expect(readPlace(`/recordings/${ID}`, '?t=soon')).toMatchObject({ at: 0 })
    expect(readPlace('/s/ab_-9', '')).toEqual({ page: 'share', token: 'ab_-9' })
    expect(readPlace('/users', '')).toEqual({ page: 'users' })
    expect(readPlace('/recordings/7', '')).toEqual({ page: 'missing' })
    expect(readPlace('/Users', '')).toEqual({ page: 'missing' })
    expect(recordingAddress(ID, 61.8)).toBe(`/recordings/${ID}?t=61`)
  })

  it('after a login are inside', () => {
    expect(inside('/settings?x=1')).toBe('/settings?x=1')
    for (const outside of [null, '', 'https://evil.example', '//evil.example', '/\\evil.example', '/login']) {
      expect(inside(outside)).toBe('/')
    }
    expect(readPlace('/login', loginAddress('/users?q=a b').slice(6))).toMatchObject({ next: '/users?q=a b' })
  })

  it('do not keep the token of a login link', () => {
    history.replaceState(null, '', '/login?token=5ec2e7')
    hideLinkToken()
    expect(location.href).not.toContain('5ec2e7')
    expect(history.state).toEqual({ link: '5ec2e7' })
    history.replaceState(null, '', '/?token=5ec2e7')
    hideLinkToken()
    expect(location.search).toBe('?token=5ec2e7')
  })
})

describe('the palette', () => {
  it('finds letters in their order only', () => {
    expect(fuzzy('nbd', 'nightly build')).not.toBeNull()
    expect(fuzzy('dbn', 'nightly build')).toBeNull()
    expect(fuzzy('', 'anything')).toBe(0)
    expect(fuzzy('迁移', '数据库迁移')).not.toBeNull()
  })

  it('puts whole words and beginnings first', () => {
    const words = ['resettings', 'xsxextxtxixnxgxs', 'Settings', 'Open settings']
    expect(rank('settings', words, (one) => one)).toEqual([
      'Settings',
      'Open settings',
      'resettings',
      'xsxextxtxixnxgxs',
    ])
    expect(rank('  ', words, (one) => one)).toEqual(words)
    expect(rank('zzz', words, (one) => one)).toEqual([])
  })

  const press = (key: string, more = {}) => ({
    ...{ key, code: key === '?' ? 'Slash' : `Key${key.toUpperCase()}` },
    ...{ ctrlKey: false, metaKey: false, shiftKey: false, altKey: false },
    ...more,
  })
  const page = { terminal: false, typing: false, mac: false }
  const terminal = { terminal: true, typing: true, mac: false }

  it('opens with keys that no shell needs', () => {
    expect(overlayFor(press('k', { ctrlKey: true }), page)).toBe('palette')
    expect(overlayFor(press('k', { ctrlKey: true }), terminal)).toBeNull()
    expect(overlayFor(press('K', { ctrlKey: true, shiftKey: true }), terminal)).toBe('palette')
    expect(overlayFor(press('k', { metaKey: true }), { ...terminal, mac: true })).toBe('palette')
    expect(overlayFor(press('k', { metaKey: true }), page)).toBeNull()
    expect(overlayFor(press('k', { ctrlKey: true, altKey: true }), page)).toBeNull()
    expect(overlayFor(press('k'), page)).toBeNull()
  })

  it('leaves a question mark to who types one', () => {
    expect(overlayFor(press('?', { shiftKey: true }), page)).toBe('keys')
    expect(overlayFor(press('?', { shiftKey: true }), { ...page, typing: true })).toBeNull()
    expect(overlayFor(press('?', { shiftKey: true }), terminal)).toBeNull()
    expect(overlayFor(press('?', { shiftKey: true, ctrlKey: true }), terminal)).toBe('keys')
  })
})

describe('passwords', () => {
  it('have the rule of the server', () => {
    expect(passwordFault('elevenchars', 'ada')).toBe('short')
    expect(passwordFault('twelve chars', 'ada')).toBeNull()
    expect(passwordFault('密'.repeat(12), 'ada')).toBeNull()
    expect(passwordFault('😀'.repeat(11), 'ada')).toBe('short')
    expect(passwordFault('x'.repeat(257), 'ada')).toBe('long')
    expect(passwordFault('Administrator', 'administrator')).toBe('name')
  })

  it('are stronger the longer and more varied they are', () => {
    const strengths = [
      'short',
      'aaaaaaaaaaaaaaaa',
      'abcdefabcdef',
      'correct horse',
      'Correct horse 42 battery!',
    ]
    const values = strengths.map((one) => passwordStrength(one, 'ada'))
    expect(values).toEqual([...values].sort((a, b) => a - b))
    expect(values[0]).toBe(0)
    expect(values[1]).toBe(1)
    expect(values.at(-1)).toBe(4)
  })
})

describe('lists', () => {
  const one = (more: Partial<Session>) =>
    ({ uid: ID, name: null, state: 'running', command: ['/bin/bash'], account: 'ada', ...more }) as Session
  const all = [
    one({ name: 'nightly build', cwd: '/srv' }),
    one({ state: 'ended', title: 'vim', owner: { id: 2, username: 'grace' } }),
  ]

  it('show what fits all words', () => {
    expect(filterSessions(all, 'SRV night', 'all')).toEqual([all[0]])
    expect(filterSessions(all, 'srv grace', 'all')).toEqual([])
    expect(filterSessions(all, 'grace', 'running')).toEqual([])
    expect(filterSessions(all, '', 'ended')).toEqual([all[1]])
    expect(readShow('nonsense')).toBe('running')
  })

  it('hide the columns that were named, but not what must be seen', () => {
    const column = (key: string, always?: true) => ({
      key,
      title: key,
      track: '1fr',
      cell: () => null,
      always,
    })
    const columns = [column('name', true), column('where'), column('id')]
    const keys = (hidden: string) => shownColumns(columns as never, hidden).map(({ key }) => key)
    expect(keys('')).toEqual(['name', 'where', 'id'])
    expect(keys('name,id,nonsense')).toEqual(['name', 'where'])
  })
})

describe('words', () => {
  it('for lengths and ends', () => {
    expect(durationWords(null)).toBe('–')
    expect(durationWords(61_000)).toBe('1:01')
    expect(durationWords(3_723_400)).toBe('1:02:03')
    expect(untilWords(90_000, 0, 'en')).toBe('in 1 minute')
    expect(untilWords(86_400_000 * 6, 0, 'en')).toBe('in 6 days')
  })

  it('for browsers and programs', () => {
    expect(agentWords('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(
      'Firefox · Linux',
    )
    expect(
      agentWords('Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0'),
    ).toBe('Edge · Windows')
    expect(agentWords('curl/8.5.0')).toBe('curl')
    expect(agentWords('<script>')).toBeNull()
    expect(agentWords(null)).toBeNull()
  })
})

describe('keys of a replay', () => {
  const press = (key: string, more = {}) => ({
    ...{ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false },
    ...more,
  })
  it('leave a control its own', () => {
    expect(replayKey(press(' '), 'page')).toEqual({ kind: 'toggle' })
    expect(replayKey(press(' '), 'control')).toBeNull()
    expect(replayKey(press('ArrowRight'), 'control')).toBeNull()
    expect(replayKey(press('ArrowRight', { shiftKey: true }), 'page')).toEqual({ kind: 'step', seconds: 30 })
    expect(replayKey(press('7'), 'control')).toEqual({ kind: 'part', part: 0.7 })
    expect(replayKey(press('f'), 'typing')).toBeNull()
    expect(replayKey(press('f', { ctrlKey: true }), 'page')).toBeNull()
  })
})
