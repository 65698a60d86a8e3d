import { beforeEach, describe, expect, it } from 'vitest'
import { type Message, type Prompt, readFrame } from './frames.ts'
import { type Closed, type Host, type Phase, type Screen, TerminalSocket, type Wire } from './socket.ts'

class FakeWire implements Wire {
  sent: (string | Uint8Array)[] = []
  closed = false
  onopen: (() => void) | null = null
  onmessage: ((data: string | ArrayBuffer) => void) | null = null
  onclose: ((code: number) => void) | null = null

  readonly query: URLSearchParams

  constructor(query: URLSearchParams) {
    this.query = query
  }

  send(data: string | Uint8Array<ArrayBuffer>) {
    if (this.closed) throw new Error('sent on a closed connection')
    this.sent.push(data)
  }

  close() {
    this.closed = true
  }

  say(message: Message) {
    this.onmessage?.(JSON.stringify(message))
  }

  hello(extra: Partial<Extract<Message, { type: 'hello' }>> = {}) {
    this.say({ type: 'hello', session: 's', pos: 0, resumed: false, write: true, input: null, ...extra })
  }

  snapshot(pos: number, text = '') {
    const head = new Uint8Array(13)
    const view = new DataView(head.buffer)
    view.setUint8(0, 2)
    view.setBigUint64(1, BigInt(pos))
    view.setUint16(9, 80)
    view.setUint16(11, 24)
    this.onmessage?.(join(head, text))
  }

  output(pos: number, text: string) {
    const head = new Uint8Array(9)
    const view = new DataView(head.buffer)
    view.setUint8(0, 1)
    view.setBigUint64(1, BigInt(pos))
    this.onmessage?.(join(head, text))
  }

  requests() {
    return this.sent.filter((one) => typeof one === 'string').map((one) => JSON.parse(one))
  }

  of(type: string) {
    return this.requests().filter((one) => one.type === type)
  }

  typed() {
    return this.sent
      .filter((one) => typeof one !== 'string')
      .map((one) => `${new DataView(one.buffer).getUint32(1)}:${new TextDecoder().decode(one.subarray(5))}`)
  }
}

function join(head: Uint8Array, text: string): ArrayBuffer {
  const body = new TextEncoder().encode(text)
  const all = new Uint8Array(head.length + body.length)
  all.set(head)
  all.set(body, head.length)
  return all.buffer
}

class FakeHost implements Host {
  wires: FakeWire[] = []
  time = 0
  answer: 'there' | 'unreachable' | Closed = 'unreachable'
  private timers: { at: number; then: () => void }[] = []

  connect(query: URLSearchParams) {
    const wire = new FakeWire(query)
    this.wires.push(wire)
    return wire
  }

  probe() {
    return Promise.resolve(this.answer)
  }

  now() {
    return this.time
  }

  after(milliseconds: number, then: () => void) {
    const timer = { at: this.time + milliseconds, then }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((one) => one !== timer)
    }
  }

  random() {
    return 1
  }

  pass(milliseconds: number) {
    const end = this.time + milliseconds
    for (;;) {
      const next = this.timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.timers = this.timers.filter((one) => one !== next)
      this.time = next.at
      next.then()
    }
    this.time = end
  }

  get wire(): FakeWire {
    const last = this.wires.at(-1)
    if (!last) throw new Error('no connection yet')
    return last
  }
}

class FakeScreen implements Screen {
  text = ''
  size = ''
  waiting: (() => void)[] = []
  slow = false

  write(data: Uint8Array, drawn: () => void) {
    this.text += new TextDecoder().decode(data)
    this.done(drawn)
  }

  restore(snapshot: { cols: number; rows: number; restore: Uint8Array }, drawn: () => void) {
    this.text = new TextDecoder().decode(snapshot.restore)
    this.resize(snapshot.cols, snapshot.rows)
    this.done(drawn)
  }

  resize(cols: number, rows: number) {
    this.size = `${cols}x${rows}`
  }

  private done(drawn: () => void) {
    if (this.slow) this.waiting.push(drawn)
    else drawn()
  }

  draw() {
    for (const drawn of this.waiting.splice(0)) drawn()
  }
}

let host: FakeHost
let screen: FakeScreen
let phases: Phase[]
let notices: string[]
let asked: readonly Prompt[]
let backlog: { bytes: number; slow: boolean }
let socket: TerminalSocket

function begin(watch = false) {
  socket = new TerminalSocket({
    host,
    screen,
    client: 'page',
    watch,
    scrollback: 5_000,
    listener: {
      prompts: (prompts) => {
        asked = prompts
      },
      phase: (phase) => phases.push(phase),
      backlog: (bytes, slow) => {
        backlog = { bytes, slow }
      },
      roundTrip: () => {},
      viewers: () => {},
      writable: () => {},
      notice: (kind) => notices.push(kind),
    },
  })
  socket.start()
  host.wire.onopen?.()
}

const type = (text: string) => socket.type(new TextEncoder().encode(text))
const phase = () => phases.at(-1)?.kind

/** The connection breaks and the next one opens. */
function reconnect(): FakeWire {
  host.wire.onclose?.(1006)
  host.pass(1_000)
  host.wire.onopen?.()
  return host.wire
}

beforeEach(() => {
  asked = []
  host = new FakeHost()
  screen = new FakeScreen()
  phases = []
  notices = []
  backlog = { bytes: 0, slow: false }
})

describe('drawing', () => {
  it('draws the snapshot and what follows it', () => {
    begin()
    host.wire.hello({ pos: 10 })
    host.wire.snapshot(10, 'screen')
    host.wire.output(10, ' more')
    expect(screen.text).toBe('screen more')
    expect(screen.size).toBe('80x24')
    expect(phase()).toBe('live')
  })

  it('goes on after a reconnect where the drawing ended, without asking for a snapshot', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(0, 'abc')
    const wire = reconnect()
    expect(wire.query.get('from')).toBe('3')
    wire.hello({ pos: 3, resumed: true })
    wire.output(3, 'def')
    expect(screen.text).toBe('abcdef')
  })

  it('cuts off what it has drawn already', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(0, 'abc')
    host.wire.output(1, 'bcd')
    host.wire.output(0, 'ab')
    expect(screen.text).toBe('abcd')
  })

  it('draws a snapshot with the parts before it, and none of a connection that broke', () => {
    begin()
    host.wire.hello()
    host.wire.onmessage?.(join(new Uint8Array([4]), 'lost '))
    reconnect().hello()
    host.wire.onmessage?.(join(new Uint8Array([4]), 'one '))
    host.wire.onmessage?.(join(new Uint8Array([4]), 'two '))
    expect(screen.text).toBe('')
    host.wire.snapshot(50, 'three')
    expect(screen.text).toBe('one two three')
    host.wire.output(50, '!')
    expect(screen.text).toBe('one two three!')
  })

  it('comes back at the byte it has drawn when a packed message is damaged', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(0, 'one')
    host.wire.onmessage?.(new Uint8Array([0x81, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 9, 1, 2, 3]).buffer)
    expect(phase()).toBe('reconnecting')
    host.pass(1_000)
    expect(host.wire.query.get('from')).toBe('3')
    expect(screen.text).toBe('one')
  })

  it('never draws over a gap but begins again with a snapshot', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(5, 'late')
    expect(screen.text).toBe('')
    expect(host.wires).toHaveLength(2)
    expect(host.wire.query.has('from')).toBe(false)
  })

  it('takes a snapshot in the middle after lagging', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(0, 'abc')
    host.wire.say({ type: 'lagged', pos: 3 })
    host.wire.snapshot(900, 'now')
    host.wire.output(900, '!')
    expect(screen.text).toBe('now!')
  })

  it('sizes the screen as the session is, not as the window would like', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    socket.resize(100, 30)
    expect(screen.size).toBe('80x24')
    host.wire.say({ type: 'resized', pos: 0, cols: 100, rows: 30 })
    expect(screen.size).toBe('100x30')
  })
})

describe('credit', () => {
  it('comes back only for what has been drawn', () => {
    begin()
    screen.slow = true
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(0, 'abc')
    expect(host.wire.of('ack')).toEqual([])
    screen.draw()
    expect(host.wire.of('ack')).toEqual([{ type: 'ack', pos: 3 }])
  })

  it('comes back while a flood is still arriving', () => {
    begin()
    screen.slow = true
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.output(0, 'x'.repeat(40_000))
    screen.waiting.shift()
    const first = screen.waiting.shift()
    host.wire.output(40_000, 'y')
    first?.()
    expect(host.wire.of('ack')).toEqual([{ type: 'ack', pos: 40_000 }])
  })
})

describe('typing', () => {
  it('waits for the greeting', () => {
    begin()
    type('a')
    expect(host.wire.typed()).toEqual([])
    host.wire.hello()
    expect(host.wire.typed()).toEqual(['1:a'])
  })

  it('neither loses nor doubles a byte over a reconnect', () => {
    begin()
    host.wire.hello()
    type('a')
    type('b')
    type('c')
    host.wire.say({ type: 'input_ok', number: 1 })
    host.wire.onclose?.(1006)
    type('d')
    host.pass(1_000)
    host.wire.onopen?.()
    host.wire.hello({ input: 2 })
    expect(host.wire.typed()).toEqual(['3:c', '4:d'])
  })

  it('says whether it has ever sent anything', () => {
    begin()
    expect(host.wire.query.get('fresh')).toBe('1')
    host.wire.hello({ input: 0 })
    type('a')
    expect(reconnect().query.has('fresh')).toBe(false)
  })

  it('says so when the server cannot tell what it had taken', () => {
    begin()
    host.wire.hello()
    type('secret')
    const wire = reconnect()
    wire.hello({ input: null })
    expect(wire.typed()).toEqual([])
    expect(notices).toEqual(['input_unknown'])
  })

  it('tells that the program is not reading, and stops telling when it does', () => {
    begin()
    host.wire.hello()
    type('paste')
    expect(backlog).toEqual({ bytes: 5, slow: false })
    host.pass(1_500)
    expect(backlog).toEqual({ bytes: 5, slow: true })
    host.wire.say({ type: 'input_ok', number: 1 })
    expect(backlog).toEqual({ bytes: 0, slow: false })
  })

  it('asks again after the limit, and gives up on other refusals', () => {
    begin()
    host.wire.hello()
    type('a')
    host.wire.say({ type: 'input_refused', number: 1, code: 'LIMIT_REACHED', message: '' })
    expect(host.wire.typed()).toEqual(['1:a', '1:a'])
    host.wire.say({ type: 'input_refused', number: 1, code: 'READ_ONLY', message: '' })
    expect(host.wire.typed()).toHaveLength(2)
    expect(notices).toEqual(['READ_ONLY'])
  })

  it('types nothing and sizes nothing while watching', () => {
    begin(true)
    expect(host.wire.query.get('watch')).toBe('1')
    socket.resize(100, 30)
    host.wire.hello({ write: false })
    type('a')
    expect(host.wire.typed()).toEqual([])
    expect(host.wire.of('resize')).toEqual([])
  })
})

describe('connection', () => {
  it('tries again later and later, and at once when told', () => {
    begin()
    host.wire.hello()
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      host.wire.onclose?.(1006)
      const last = phases.at(-1)
      if (last?.kind !== 'reconnecting') throw new Error('not reconnecting')
      waits.push(last.at - host.time)
      host.pass(last.at - host.time)
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
    host.wire.onclose?.(1006)
    const before = host.wires.length
    socket.retryNow()
    expect(host.wires).toHaveLength(before + 1)
  })

  it('takes a silent connection for a dead one', () => {
    begin()
    host.wire.hello()
    host.pass(7_900)
    expect(phase()).toBe('live')
    host.pass(200)
    expect(phase()).toBe('reconnecting')
  })

  it('takes any message for a sign of life', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    for (let i = 0; i < 5; i++) {
      host.pass(5_000)
      host.wire.output(i, 'x')
    }
    expect(phase()).toBe('live')
  })

  it('keeps asking for signs of life', () => {
    begin()
    host.wire.hello()
    host.wire.say({ type: 'pong', t: 0 })
    host.pass(5_000)
    expect(host.wire.of('ping')).toHaveLength(2)
    host.pass(8_000)
    expect(phase()).toBe('reconnecting')
  })

  it('asks seldom while nobody looks, and at once when somebody does again', () => {
    begin()
    host.wire.hello()
    host.wire.say({ type: 'pong', t: 0 })
    socket.look(false)
    expect(host.wire.of('ping')).toHaveLength(2)
    host.wire.say({ type: 'pong', t: 0 })
    host.pass(29_000)
    expect(host.wire.of('ping')).toHaveLength(2)
    host.pass(1_000)
    expect(host.wire.of('ping')).toHaveLength(3)
    host.wire.say({ type: 'pong', t: 0 })
    socket.look(true)
    expect(host.wire.of('ping')).toHaveLength(4)
    host.wire.say({ type: 'pong', t: 0 })
    host.pass(5_000)
    expect(host.wire.of('ping')).toHaveLength(5)
  })

  it('stays on the screen while the daemon is away, and types when it is back', () => {
    begin()
    host.wire.hello()
    host.wire.snapshot(0)
    host.wire.say({ type: 'waiting', reason: 'gone' })
    expect(phase()).toBe('waiting')
    type('a')
    expect(host.wire.typed()).toEqual([])
    host.wire.hello({ pos: 0, resumed: true, input: null })
    expect(host.wire.typed()).toEqual(['1:a'])
  })

  it('does not try again after the exit', () => {
    begin()
    host.wire.hello()
    host.wire.say({ type: 'exit', code: 3, signal: null })
    host.wire.onclose?.(1000)
    host.pass(60_000)
    expect(host.wires).toHaveLength(1)
    expect(phases.at(-1)).toEqual({ kind: 'ended', code: 3, signal: null })
  })

  it('asks why it was refused, and stops when trying again would not help', async () => {
    begin()
    host.answer = 'login'
    host.wire.onclose?.(1006)
    socket.retryNow()
    host.wire.onclose?.(1006)
    await Promise.resolve()
    await Promise.resolve()
    expect(phases.at(-1)).toEqual({ kind: 'closed', why: 'login' })
    host.pass(60_000)
    expect(host.wires).toHaveLength(2)
  })

  it('ignores what an older connection still says', () => {
    begin()
    const old = host.wire
    host.wire.hello()
    host.wire.snapshot(0)
    const late = old.onmessage
    reconnect()
    late?.(join(new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0]), 'ghost'))
    expect(screen.text).toBe('')
    expect(readFrame(join(new Uint8Array(9), ''))).toBeNull()
  })
})

describe('questions', () => {
  const prompt = (prompt_id: string): Prompt => ({
    prompt_id,
    kind: 'password',
    server: 'db-1',
    text: '',
    echo: false,
    expires: '2030-01-01T00:00:00Z',
  })

  it('wait in a line, and each goes when it is answered here or elsewhere', () => {
    begin()
    host.wire.hello()
    host.wire.say({ type: 'prompt', ...prompt('a') })
    host.wire.say({ type: 'prompt', ...prompt('b') })
    expect(asked.map((one) => one.prompt_id)).toEqual(['a', 'b'])
    socket.reply(prompt('a'), { answer: 'secret' })
    expect(host.wire.of('prompt_reply')).toEqual([{ type: 'prompt_reply', prompt_id: 'a', answer: 'secret' }])
    expect(asked.map((one) => one.prompt_id)).toEqual(['b'])
    host.wire.say({ type: 'prompt_closed', prompt_id: 'b' })
    expect(asked).toEqual([])
  })

  it('are those of the new connection after a reconnect, and nothing is answered in between', () => {
    begin()
    host.wire.hello()
    host.wire.say({ type: 'prompt', ...prompt('a') })
    host.wire.onclose?.(1006)
    socket.reply(prompt('a'), { answer: 'secret' })
    expect(asked.length).toBe(1)
    host.pass(1_000)
    host.wire.onopen?.()
    host.wire.hello()
    expect(asked).toEqual([])
    host.wire.say({ type: 'prompt', ...prompt('a') })
    expect(asked.length).toBe(1)
    expect(host.wire.of('prompt_reply')).toEqual([])
  })

  it('end with the session', () => {
    begin()
    host.wire.hello()
    host.wire.say({ type: 'prompt', ...prompt('a') })
    host.wire.say({ type: 'exit', code: 255, signal: null })
    expect(asked).toEqual([])
  })
})

describe('the keyboard', () => {
  const there = (write: boolean): Message => ({ type: 'viewers', viewers: [], write, you: 7 })

  it('is used by a page that watches while it was given to it', () => {
    begin(true)
    host.wire.hello({ write: false })
    type('a')
    host.wire.say(there(true))
    type('b')
    host.wire.say(there(false))
    type('c')
    expect(host.wire.typed()).toEqual(['1:b'])
  })

  it('leaves no gap in the numbers when something was refused', () => {
    begin()
    host.wire.hello({ input: 0 })
    type('a')
    host.wire.say({ type: 'input_refused', number: 1, code: 'READ_ONLY', message: 'eve has the keyboard' })
    host.wire.say(there(true))
    type('b')
    expect(host.wire.typed()).toEqual(['1:a', '1:b'])
    expect(notices).toEqual(['READ_ONLY'])
  })
})
