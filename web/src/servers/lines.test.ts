import { describe, expect, it } from 'vitest'
import {
  heard,
  isBusy,
  type Lines,
  left,
  NOTHING,
  plain,
  recalled,
  shortened,
  type Told,
  typed,
} from './lines.ts'

const hears = (lines: Lines, ...told: Told[]) => told.reduce(heard, lines)
const done = { output: '', status: 'success', exit_status: 0, prompt: '> ' } as const

describe('line mode', () => {
  it('shows a line with its output as it comes', () => {
    let lines = typed(NOTHING, 'ls')
    expect(isBusy(lines)).toBe(true)
    lines = hears(
      lines,
      { type: 'terminal_connected', message: 'm', prompt: '> ', session_id: 's' },
      { type: 'command_start', command: 'ls' },
      { type: 'command_chunk', command: 'ls', stream: 'stdout', data: 'a\r\n' },
      { type: 'command_chunk', command: 'ls', stream: 'stderr', data: '\u001b[31mb\u001b[0m' },
    )
    expect(lines.entries[0]).toMatchObject({ prompt: '> ', state: 'runs', output: 'a\nb' })
    lines = hears(lines, { type: 'command_output', command: 'ls', ...done, prompt: '/tmp> ' })
    expect(lines.entries[0]).toMatchObject({ state: 'good', exit: 0 })
    expect([lines.prompt, lines.session, isBusy(lines)]).toEqual(['/tmp> ', 's', false])
  })

  it('keeps lines that were typed ahead apart', () => {
    const lines = hears(
      typed(typed(NOTHING, 'a'), 'b'),
      { type: 'command_output', command: 'a', ...done, output: '1' },
      { type: 'command_start', command: 'b' },
    )
    expect(lines.entries.map(({ state, output }) => [state, output])).toEqual([
      ['good', '1'],
      ['runs', ''],
    ])
  })

  it('says for whom a line waits, and why it was refused', () => {
    const words = { en: 'waits', zh: '等待' }
    const review = { id: 'r', rule: null, expires: '2026-01-01T00:00:00Z', message: words }
    let lines = hears(typed(NOTHING, 'a'), { type: 'command_review', command: 'a', review })
    expect(lines.entries[0]).toMatchObject({ state: 'review', review: { message: words } })
    const refusal = { en: 'no', zh: '命令被拦截: 不' }
    const answer = { ...done, status: 'error', exit_status: null, output: 'x', error: 'no', refusal } as const
    lines = hears(lines, { type: 'command_output', command: 'a', ...answer })
    expect(lines.entries[0]).toMatchObject({ state: 'bad', output: '', refusal })
    expect(lines.entries[0]).not.toHaveProperty('review')
    expect(lines.entries[0]).not.toHaveProperty('error')
  })

  it('leaves nothing waiting when the connection is over', () => {
    const lines = left(typed(NOTHING, 'a'), 'gone')
    expect(lines.entries[0]).toMatchObject({ state: 'bad', error: 'gone' })
    expect(lines.state).toBe('closed')
    expect(heard(lines, { type: 'terminal_error', error: 'e', session_id: null }).error).toBe('e')
  })

  it('takes out what steers terminals, and keeps the end of what is long', () => {
    expect(plain('\u001b]0;title\u0007a\u001b[2Jb\u001bc\r\nd')).toBe('ab\nd')
    const long = shortened(`first\n${'x\n'.repeat(200_000)}last`)
    expect(long.startsWith('…x\n') && long.endsWith('last')).toBe(true)
    expect(long.length).toBeLessThanOrEqual(200_001)
  })

  it('goes back in what was typed, and forward to what is being typed', () => {
    const history = ['a', 'b']
    expect([recalled(history, 0, 1), recalled(history, 2, 1), recalled(history, 0, -1)]).toEqual([1, 2, 0])
  })
})
