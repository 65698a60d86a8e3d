// One terminal of the page: its screen, its connection, and what is to be shown beside them. No React in here:
// what changes often (output) goes past it, what changes seldom is a new `ViewState`.

import { getSettings } from '../settings.ts'
import { type Bell, ring } from './bell.ts'
import { copyText } from './clipboard.ts'
import type { CommandNotice, Prompt, ViewerInfo } from './frames.ts'
import { browserHost } from './host.ts'
import { type KeyName, keyBytes, withControl } from './keys.ts'
import type { Look } from './look.ts'
import { needsConfirmation, type Paste, readPaste } from './paste.ts'
import { XtermScreen } from './screen.ts'
import { type Phase, TerminalSocket } from './socket.ts'

/** The mark on the page's timeline: the first snapshot is painted. */
const PROMPT = 'bastide:prompt'

/** What needs no answer goes by itself after so many milliseconds. */
const PASSING: Record<string, number> = {
  copied: 1_500,
  nothing_selected: 2_500,
  READ_ONLY: 8_000,
  command: 20_000,
  viewers: 6_000,
  keyboard: 6_000,
}

/** Messages that are kept on the screen: more would cover it. */
const MESSAGES = 4

export interface ViewState {
  phase: Phase
  size: { cols: number; rows: number } | null
  /** Milliseconds. */
  roundTrip: number | null
  viewers: ViewerInfo[]
  /** This page among them. */
  you: number | null
  /** Whether the server lets this page type. */
  write: boolean
  title: string
  /** Bytes the program has not read for a noticeable time, of how many at most. */
  backlog: { waiting: number; total: number } | null
  notice: Notice | null
  /** What people there have said, oldest first, as long as nobody has taken it away. */
  messages: readonly Notice[]
  paste: Paste | null
  /** What has happened since somebody last looked. */
  attention: 'none' | 'output' | 'bell'
  /** Whether the end of the output is out of sight, and whether something came there. */
  below: 'none' | 'hidden' | 'new'
  /** The key row's Ctrl waits for a key. */
  control: boolean
  /** What a person must answer before the shell on a server is there; the first is asked. */
  prompts: readonly Prompt[]
  /** What was last said about the way to the server: the step under way, or why it ended. */
  dialling: string
}

export interface Notice extends Pick<CommandNotice, 'level' | 'zh' | 'ends'> {
  kind: string
  text: string
}

export const FRESH: ViewState = {
  phase: { kind: 'connecting' },
  size: null,
  roundTrip: null,
  viewers: [],
  you: null,
  write: true,
  title: '',
  backlog: null,
  notice: null,
  messages: [],
  paste: null,
  attention: 'none',
  below: 'none',
  control: false,
  prompts: [],
  dialling: '',
}

export interface ViewOptions {
  uid: string
  watch: boolean
  look: Look
  /** True when the page has taken the key. */
  key(event: KeyboardEvent): boolean
  changed(): void
  /** Nobody is logged in any more. */
  loggedOut(): void
}

export class View {
  readonly uid: string
  state: ViewState = FRESH
  readonly screen: XtermScreen
  private readonly options: ViewOptions
  private readonly socket: TerminalSocket
  private place: HTMLElement | null = null
  private shown = true
  private byMouse = false
  private fading: ReturnType<typeof setTimeout> | undefined
  private readonly undo: (() => void)[] = []

  constructor(options: ViewOptions) {
    this.options = options
    this.uid = options.uid
    this.state = { ...FRESH, write: !options.watch }
    this.screen = new XtermScreen(
      {
        typed: (data, by) => this.typed(data, by),
        title: (title) => this.change({ title }),
        key: (event) => options.key(event),
        resized: (cols, rows) => this.resized(cols, rows),
        bell: () => this.rang(),
        selected: () => this.selected(),
        scrolled: (up) => this.change({ below: up ? 'hidden' : 'none' }),
        graphicsLost: () => this.notify('graphics_lost'),
      },
      options.look,
    )
    this.socket = new TerminalSocket({
      host: browserHost(options.uid),
      screen: {
        write: (data, drawn) => {
          this.happened()
          this.screen.write(data, drawn)
        },
        restore: (snapshot, drawn) =>
          this.screen.restore(snapshot, () => {
            markPrompt()
            drawn()
          }),
        resize: (cols, rows) => this.screen.resize(cols, rows),
      },
      client: ownName(),
      watch: options.watch,
      scrollback: options.look.scrollback,
      listener: {
        phase: (phase) => this.phase(phase),
        backlog: (bytes, slow) => this.backlog(bytes, slow),
        roundTrip: (milliseconds) => this.change({ roundTrip: Math.round(milliseconds) }),
        viewers: (viewers, you) => this.change({ viewers, you }),
        writable: (write) => this.change({ write }),
        notice: (kind, text, command) => {
          if (kind === 'ssh') this.change({ dialling: text })
          // What waits is shown as long as it does, beside this.
          else if (command?.review?.state !== 'open') this.notify(kind, text, command)
        },
        prompts: (prompts) => this.change({ prompts }),
      },
    })
  }

  mount(place: HTMLElement): void {
    this.place = place
    this.screen.open(place)
    // For whoever looks into the page with a console, and for its tests.
    Object.assign(place, { terminal: this.screen.terminal })
    this.fill()
    const observer = new ResizeObserver(() => this.fill())
    observer.observe(place)
    this.undo.push(() => observer.disconnect())
    this.hear<ClipboardEvent>(place, 'paste', (event) => this.pasted(event), { capture: true })
    this.hear<Event>(document, 'pointerdown', ({ target }) => {
      this.byMouse = target instanceof Node && place.contains(target)
    })
    this.hear(window, 'online', () => this.socket.retryNow())
    this.hear(window, 'offline', () => this.socket.networkLost())
    this.hear(document, 'visibilitychange', () => {
      if (document.visibilityState === 'visible') this.socket.retryNow()
      this.show(this.shown)
    })
    this.socket.start()
  }

  dispose(): void {
    clearTimeout(this.fading)
    for (const undo of this.undo) undo()
    this.socket.stop()
    this.screen.dispose()
  }

  /** A question that lies over the screen hears the keys before it. */
  focus(): void {
    const question = this.place?.closest('.pane')?.querySelector<HTMLElement>('[data-asks]')
    if (question) question.focus()
    else this.screen.terminal.focus()
  }

  answer(prompt: Prompt, reply: { answer: string } | { accept: boolean }): void {
    this.socket.reply(prompt, reply)
  }

  /** Whether its tab is in front: only what nobody sees asks for attention. */
  show(shown: boolean): void {
    this.shown = shown
    this.socket.look(this.looked())
    if (this.looked()) this.change({ attention: 'none' })
  }

  look(look: Look): void {
    this.screen.look(look)
    this.fill()
  }

  retry(): void {
    this.socket.retryNow()
    this.focus()
  }

  cancelInput(): void {
    this.socket.cancelInput()
    this.focus()
  }

  notify(kind: string, text = '', { level, zh, ends }: CommandNotice = {}): void {
    const notice = { kind, text, ...(level && { level }), ...(zh && { zh }), ...(ends && { ends }) }
    if (kind === 'message') {
      this.change({ messages: [...this.state.messages, notice].slice(-MESSAGES) })
      return
    }
    // Who comes and goes is said unless something stands there that matters more.
    const now = this.state.notice
    if (kind === 'viewers' && now && PASSING[now.kind] === undefined) return
    this.change({ notice })
    clearTimeout(this.fading)
    const stays = PASSING[kind]
    if (stays === undefined) return
    this.fading = setTimeout(() => {
      if (this.state.notice === notice) this.change({ notice: null })
    }, stays)
  }

  forget(message: Notice): void {
    this.change({ messages: this.state.messages.filter((one) => one !== message) })
    this.focus()
  }

  dismiss(): void {
    this.change({ notice: null })
    this.focus()
  }

  /** What somebody wants to paste: asked about first where it could run something by itself. */
  paste(text: string): void {
    if (text === '') return
    if (!this.state.write) {
      this.notify('READ_ONLY')
      return
    }
    const paste = readPaste(text)
    if (getSettings().terminal.warnOnPaste && needsConfirmation(paste)) this.change({ paste })
    else this.screen.terminal.paste(paste.text)
  }

  /** Once: the question still hears keys while it fades. */
  answerPaste(yes: boolean): void {
    const { paste } = this.state
    this.change({ paste: null })
    if (yes && paste) this.screen.terminal.paste(paste.text)
  }

  /** The program takes a paste as one piece (bracketed paste, DECSET 2004). */
  get takesPasteWhole(): boolean {
    return this.screen.terminal.modes.bracketedPasteMode
  }

  /** False when nothing is selected. */
  copy(): boolean {
    const { terminal } = this.screen
    if (!terminal.hasSelection()) return false
    void copyText(terminal.getSelection()).then((done) => this.notify(done ? 'copied' : 'copy_failed'))
    return true
  }

  /** A key of the row on the screen. */
  pressKey(key: KeyName): void {
    if (key === 'Control') {
      this.change({ control: !this.state.control })
      return
    }
    const bytes = keyBytes(key, this.screen.terminal.modes.applicationCursorKeysMode)
    this.screen.terminal.input(bytes, true)
  }

  private hear<E extends Event>(
    target: EventTarget,
    name: string,
    then: (event: E) => void,
    options?: AddEventListenerOptions,
  ): void {
    target.addEventListener(name, then as EventListener, options)
    this.undo.push(() => target.removeEventListener(name, then as EventListener, options))
  }

  private change(part: Partial<ViewState>): void {
    const now = this.state
    const keys = Object.keys(part) as (keyof ViewState)[]
    if (keys.every((key) => now[key] === part[key])) return
    this.state = { ...now, ...part }
    this.options.changed()
  }

  private typed(data: Uint8Array, by: 'person' | 'emulator'): void {
    if (!this.state.write) {
      if (by === 'person') this.notify('READ_ONLY')
      return
    }
    const held = this.state.control && by === 'person'
    if (held) this.change({ control: false })
    if (!this.socket.type(held ? withControl(data) : data)) this.notify('full')
  }

  private pasted(event: ClipboardEvent): void {
    // Before xterm.js, which would take it as it is.
    event.preventDefault()
    event.stopPropagation()
    this.paste(event.clipboardData?.getData('text/plain') ?? '')
  }

  private selected(): void {
    // What a search selects is not what somebody has selected.
    if (!this.byMouse || !getSettings().terminal.copyOnSelect) return
    const text = this.screen.terminal.getSelection()
    if (text !== '') void copyText(text)
  }

  private phase(phase: Phase): void {
    this.change(phase.kind === 'live' ? { phase } : { phase, roundTrip: null })
    if (phase.kind === 'closed' && phase.why === 'login') this.options.loggedOut()
  }

  private backlog(waiting: number, slow: boolean): void {
    const { backlog } = this.state
    if (waiting === 0) this.change({ backlog: null })
    else if (backlog || slow) {
      const total = Math.max(backlog?.total ?? 0, waiting)
      if (backlog?.waiting !== waiting || backlog.total !== total)
        this.change({ backlog: { waiting, total } })
    }
  }

  private happened(): void {
    if (this.state.below === 'hidden') this.change({ below: 'new' })
    if (this.state.attention === 'none' && !this.looked()) this.change({ attention: 'output' })
  }

  private rang(): void {
    if (!this.looked()) this.change({ attention: 'bell' })
    const bell: Bell = getSettings().terminal.bell
    if (bell !== 'none' && this.place) ring(bell, this.place)
  }

  private looked(): boolean {
    return this.shown && document.visibilityState === 'visible'
  }

  private resized(cols: number, rows: number): void {
    this.change({ size: { cols, rows } })
    this.letterbox()
  }

  private fill(): void {
    const size = this.screen.fitting()
    if (size) this.socket.resize(size.cols, size.rows)
    this.letterbox()
  }

  /** Where the session ends, when another writer has given it another size than this window's. */
  private letterbox(): void {
    const size = this.screen.fitting()
    const { cols, rows } = this.screen.terminal
    this.place?.classList.toggle('letterbox', size !== null && (size.cols !== cols || size.rows !== rows))
  }
}

/** When the first terminal of the page could be used, for who measures it. */
function markPrompt(): void {
  if (performance.getEntriesByName(PROMPT).length > 0) return
  // What is written now is on the screen with the next frame.
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark(PROMPT)))
}

/** Names this page to the server. (`crypto.randomUUID` is not there without TLS on another machine.) */
function ownName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
