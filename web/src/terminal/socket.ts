// One terminal's connection: from the first attach over every reconnect to the exit.
//
// Rules that hold throughout:
// - What is drawn has a position. Output before it is cut off, output beyond it is never drawn:
//   the page asks again from where it is.
// - Only what the screen has drawn is acknowledged.
// - The screen is told everything in the order of the stream, sizes and snapshots included.

import {
  type CommandNotice,
  type Message,
  type Prompt,
  type Request,
  readFrame,
  type Snapshot,
  type ViewerInfo,
  writeInput,
} from './frames.ts'
import { InputQueue } from './input.ts'

export type Phase =
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** The server answers, the session daemon does not; the server tries again by itself. */
  | { kind: 'waiting'; reason: string }
  /** `at`: when the next try is made, on the page's clock. */
  | { kind: 'reconnecting'; at: number }
  | { kind: 'ended'; code: number; signal: number | null }
  /** Trying again would not help. */
  | { kind: 'closed'; why: Closed }

export type Closed = 'login' | 'gone' | 'refused' | 'out'

export interface Screen {
  write(data: Uint8Array, drawn: () => void): void
  restore(snapshot: Snapshot, drawn: () => void): void
  resize(cols: number, rows: number): void
}

/** What the state machine needs of a WebSocket. */
export interface Wire {
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(): void
  onopen: (() => void) | null
  onmessage: ((data: string | ArrayBuffer) => void) | null
  onclose: ((code: number) => void) | null
}

/** The world outside; replaced in tests. */
export interface Host {
  connect(query: URLSearchParams): Wire
  /** Asked when a connection could not be opened, because a browser does not say why. */
  probe(): Promise<'there' | 'unreachable' | Closed>
  now(): number
  /** Returns how to call it off. */
  after(milliseconds: number, then: () => void): () => void
  random(): number
}

export interface Listener {
  phase(phase: Phase): void
  /** Bytes the program has not read yet, and whether that has lasted so long that one should say so. */
  backlog(bytes: number, slow: boolean): void
  roundTrip(milliseconds: number): void
  /** `you`: this page among them, where the server says so. */
  viewers(viewers: ViewerInfo[], you: number | null): void
  writable(write: boolean): void
  notice(kind: string, text: string, command?: CommandNotice): void
  /** What waits for an answer, oldest first. */
  prompts(prompts: readonly Prompt[]): void
}

/** A typed byte is answered within milliseconds; after this long the program is not reading. */
const SLOW_INPUT = 1_000
const FIRST_RETRY = 250
const LAST_RETRY = 10_000
const PING_EVERY = 5_000
/** While nobody looks; a proxy that closes what is silent for a minute must not. */
const PING_UNSEEN_EVERY = 30_000
/** No answer for this long: the connection is dead, whatever the browser believes. */
const PONG_WITHIN = 8_000
/** A connection that has not opened by then is tried anew. */
const OPEN_WITHIN = 10_000
/** Far below the server's credit, and few messages in a flood. */
const ACK_EVERY = 32 * 1024

/** Server close codes after which trying again would not help. */
const CLOSED: Record<number, Closed> = {
  4401: 'login',
  4403: 'out',
  4404: 'gone',
  1008: 'refused',
  1003: 'refused',
}

export interface Options {
  host: Host
  screen: Screen
  listener: Listener
  /** Names this page to the server, the same over all its connections. */
  client: string
  watch: boolean
  /** Lines above the screen that the first snapshot is to have. */
  scrollback: number
}

export class TerminalSocket {
  private readonly host: Host
  private readonly screen: Screen
  private readonly listener: Listener
  private readonly input = new InputQueue()
  private prompts: readonly Prompt[] = []
  private wire: Wire | null = null
  private greeted = false
  /** May type, as far as is known. */
  private write: boolean
  /** Of the snapshot that is coming. */
  private parts: Uint8Array[] = []
  private stopped = false
  private seen = true
  private failures = 0
  /** When the last message came. */
  private heard = 0
  /** Position after the last byte handed to the screen; null before the first snapshot. */
  private received: number | null = null
  private drawn = 0
  private acked = 0
  private size: { cols: number; rows: number } | null = null
  private current: Phase = { kind: 'connecting' }
  private cancelRetry = () => {}
  private cancelPing = () => {}
  private cancelDeadline = () => {}
  private cancelSlow: (() => void) | null = null

  private readonly options: Options

  constructor(options: Options) {
    this.options = options
    this.host = options.host
    this.write = !options.watch
    this.screen = options.screen
    this.listener = options.listener
  }

  get phase(): Phase {
    return this.current
  }

  start(): void {
    this.open()
  }

  /** For good: the page is left. */
  stop(): void {
    this.stopped = true
    this.drop()
    this.cancelRetry()
    this.cancelSlow?.()
  }

  /** The network is back, or somebody looks: do not wait for the timer. */
  retryNow(): void {
    if (this.current.kind !== 'reconnecting') return
    this.failures = 0
    this.open()
  }

  /** The browser knows that the network is gone before a timer could. */
  networkLost(): void {
    if (this.wire) this.lost(1006)
  }

  /** Whether somebody looks: else there is no need to know every few seconds how long the way is. */
  look(seen: boolean): void {
    if (seen === this.seen) return
    this.seen = seen
    if (this.current.kind !== 'live') return
    this.cancelPing()
    this.ping()
  }

  /** False when so much waits already that it was refused. */
  type(data: Uint8Array): boolean {
    if (!this.write || this.current.kind === 'ended' || this.current.kind === 'closed') return true
    if (!this.input.add(data)) return false
    this.sendInput()
    this.watchBacklog()
    return true
  }

  cancelInput(): void {
    this.input.cancel()
    if (this.greeted) this.say({ type: 'cancel_input' })
    this.watchBacklog()
  }

  /** Answers a question, or refuses it: closed here at once, and by the server for everybody. */
  reply(prompt: Prompt, reply: { answer: string } | { accept: boolean }): void {
    if (!this.greeted) return
    this.say({ type: 'prompt_reply', prompt_id: prompt.prompt_id, ...reply })
    this.setPrompts(this.prompts.filter((one) => one.prompt_id !== prompt.prompt_id))
  }

  resize(cols: number, rows: number): void {
    if (this.size?.cols === cols && this.size.rows === rows) return
    this.size = { cols, rows }
    if (this.greeted) this.sendSize()
  }

  private open(): void {
    this.cancelRetry()
    this.drop()
    if (this.current.kind !== 'reconnecting') this.enter({ kind: 'connecting' })
    const query = new URLSearchParams({
      client: this.options.client,
      scrollback: String(this.options.scrollback),
    })
    if (this.received !== null) query.set('from', String(this.received))
    if (this.options.watch) query.set('watch', '1')
    if (this.input.fresh) query.set('fresh', '1')
    const wire = this.host.connect(query)
    this.wire = wire
    let opened = false
    this.cancelDeadline = this.host.after(OPEN_WITHIN, () => this.lost(1006))
    wire.onopen = () => {
      opened = true
      this.cancelDeadline()
      this.ping()
    }
    wire.onmessage = (data) => {
      if (this.wire !== wire) return
      this.heard = this.host.now()
      if (typeof data === 'string') this.message(data)
      else this.frame(data)
    }
    wire.onclose = (code) => {
      if (this.wire !== wire) return
      if (opened) this.lost(code)
      else this.refused()
    }
  }

  private drop(): void {
    const wire = this.wire
    this.wire = null
    this.greeted = false
    this.parts = []
    this.cancelPing()
    this.cancelDeadline()
    if (!wire) return
    wire.onopen = null
    wire.onmessage = null
    wire.onclose = null
    wire.close()
  }

  private lost(code: number): void {
    this.drop()
    if (this.stopped || this.current.kind === 'ended') return
    const why = CLOSED[code]
    if (why) this.enter({ kind: 'closed', why })
    else this.retryLater()
  }

  private refused(): void {
    this.drop()
    this.retryLater()
    void this.host.probe().then((answer) => {
      if (this.stopped || this.current.kind !== 'reconnecting' || this.wire) return
      if (answer === 'there' || answer === 'unreachable') return
      this.cancelRetry()
      this.enter({ kind: 'closed', why: answer })
    })
  }

  private retryLater(): void {
    const longest = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.failures)
    this.failures += 1
    // Spread, so that a restarted server does not meet all its pages in one moment.
    const delay = longest * (0.5 + this.host.random() / 2)
    this.cancelRetry()
    this.cancelRetry = this.host.after(delay, () => this.open())
    this.enter({ kind: 'reconnecting', at: this.host.now() + delay })
  }

  private message(text: string): void {
    let message: Message
    try {
      message = JSON.parse(text)
    } catch {
      return
    }
    switch (message.type) {
      case 'hello':
        this.hello(message)
        break
      case 'input_ok':
        this.input.taken(message.number)
        this.inputMoved()
        break
      case 'input_refused':
        this.inputRefused(message)
        break
      case 'resized':
        this.screen.resize(message.cols, message.rows)
        break
      case 'viewers':
        this.listener.viewers(message.viewers, message.you ?? null)
        if (message.write !== undefined) this.mayWrite(message.write)
        break
      case 'notice':
        this.listener.notice(message.kind, message.text, message)
        break
      case 'waiting':
        this.greeted = false
        this.enter({ kind: 'waiting', reason: message.reason })
        break
      case 'prompt':
        this.setPrompts([...this.prompts.filter((one) => one.prompt_id !== message.prompt_id), message])
        break
      case 'prompt_closed':
        this.setPrompts(this.prompts.filter((one) => one.prompt_id !== message.prompt_id))
        break
      case 'exit':
        this.input.clear()
        this.setPrompts([])
        this.watchBacklog()
        this.enter({ kind: 'ended', code: message.code, signal: message.signal })
        break
      case 'pong':
        this.cancelDeadline()
        this.cancelPing()
        this.cancelPing = this.host.after(this.seen ? PING_EVERY : PING_UNSEEN_EVERY, () => this.ping())
        this.listener.roundTrip(this.host.now() - message.t)
        break
      case 'error':
        this.listener.notice(message.code, message.message)
        break
      case 'lagged':
        // A snapshot follows; until then nothing comes that could be drawn wrongly.
        break
    }
  }

  /** The keyboard may be given to a page that only watches, and taken from one that does not. */
  private mayWrite(write: boolean): void {
    this.write = write
    this.listener.writable(write)
  }

  private hello(hello: Extract<Message, { type: 'hello' }>): void {
    this.greeted = true
    this.failures = 0
    if (hello.resumed && hello.pos !== this.received) {
      this.resync()
      return
    }
    // Everything before this position has been drawn or replaced: it asks for no credit.
    this.acked = hello.pos
    // Those that are still open are said again.
    this.setPrompts([])
    this.mayWrite(hello.write)
    const doubtful = this.input.resume(hello.input)
    if (doubtful > 0) this.listener.notice('input_unknown', String(doubtful))
    if (hello.write) this.sendSize()
    this.enter({ kind: 'live' })
    this.sendInput()
    this.watchBacklog()
  }

  private frame(buffer: ArrayBuffer): void {
    let frame: ReturnType<typeof readFrame>
    try {
      frame = readFrame(buffer)
    } catch {
      // Damaged on its way: the next connection goes on before it.
      this.lost(1006)
      return
    }
    if (!frame) return
    if (frame.kind === 'part') {
      this.parts.push(frame.restore)
      return
    }
    if (frame.kind === 'snapshot') {
      this.received = frame.pos
      this.acked = Math.min(this.acked, frame.pos)
      const restore = joined([...this.parts.splice(0), frame.restore])
      this.screen.restore({ ...frame, restore }, () => this.hasDrawn(frame.pos))
      return
    }
    if (this.received === null || frame.pos > this.received) {
      this.resync()
      return
    }
    const fresh = frame.data.subarray(this.received - frame.pos)
    if (fresh.length === 0) return
    const end = this.received + fresh.length
    this.received = end
    this.screen.write(fresh, () => this.hasDrawn(end))
  }

  /** The stream does not fit what is drawn: begin again with a snapshot. */
  private resync(): void {
    this.received = null
    this.open()
  }

  private hasDrawn(pos: number): void {
    this.drawn = pos
    if (!this.greeted || this.drawn <= this.acked) return
    if (this.drawn - this.acked >= ACK_EVERY || this.drawn === this.received) {
      this.acked = this.drawn
      this.say({ type: 'ack', pos: this.drawn })
    }
  }

  private inputRefused(refused: Extract<Message, { type: 'input_refused' }>): void {
    if (refused.code === 'LIMIT_REACHED') {
      // The server has waited for the program; asking again is waiting on.
      this.input.refused(refused.number)
    } else {
      this.input.drop(refused.number)
      this.listener.notice(refused.code, refused.message)
    }
    this.inputMoved()
  }

  private inputMoved(): void {
    this.cancelSlow?.()
    this.cancelSlow = null
    this.sendInput()
    this.watchBacklog()
  }

  private sendInput(): void {
    if (!this.greeted || !this.wire) return
    for (const piece of this.input.take()) this.wire.send(writeInput(piece.number, piece.data))
  }

  private watchBacklog(): void {
    const waiting = this.input.waiting
    if (waiting === 0) {
      this.cancelSlow?.()
      this.cancelSlow = null
      this.listener.backlog(0, false)
      return
    }
    this.cancelSlow ??= this.host.after(SLOW_INPUT, () => this.listener.backlog(this.input.waiting, true))
    this.listener.backlog(waiting, false)
  }

  private setPrompts(prompts: readonly Prompt[]): void {
    if (prompts.length === 0 && this.prompts.length === 0) return
    this.prompts = prompts
    this.listener.prompts(prompts)
  }

  private sendSize(): void {
    if (this.size && !this.options.watch) this.say({ type: 'resize', ...this.size })
  }

  private ping(): void {
    this.say({ type: 'ping', t: Math.round(this.host.now()) })
    this.heard = this.host.now()
    this.expectLife(PONG_WITHIN)
  }

  /** A pong may stand in line behind a large snapshot: whatever arrives is a sign of life. */
  private expectLife(within: number): void {
    this.cancelDeadline()
    this.cancelDeadline = this.host.after(within, () => {
      const silent = this.host.now() - this.heard
      if (silent >= PONG_WITHIN) this.lost(1006)
      else this.expectLife(PONG_WITHIN - silent)
    })
  }

  private say(request: Request): void {
    this.wire?.send(JSON.stringify(request))
  }

  private enter(phase: Phase): void {
    this.current = phase
    this.listener.phase(phase)
  }
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
