// xterm.js as the state machine sees it: everything in the order of the stream.

import { ClipboardAddon, type IClipboardProvider } from '@xterm/addon-clipboard'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { WebLinksAddon } from '@xterm/addon-web-links'
import type { WebglAddon } from '@xterm/addon-webgl'
import { Terminal } from '@xterm/xterm'
import type { Snapshot } from './frames.ts'
import type { Look } from './look.ts'
import type { Screen } from './socket.ts'
import { LEAST_CONTRAST } from './themes.ts'

/** Ends a sequence that was cut off, then resets everything (ECMA-48: CAN, RIS). */
const RESET = '\x18\x1bc'

/** More would not be looked through one by one, and marking them takes time. */
const MOST_MATCHES = 2_000

/** Programs may put something on the clipboard; what is on it is not theirs to read. */
const writeOnly: IClipboardProvider = {
  readText: () => '',
  writeText: async (selection, text) => {
    if (selection === 'c') await navigator.clipboard?.writeText(text).catch(() => {})
  },
}

/** What the emulator says of itself (focus, mouse), other than what somebody has typed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how such a report begins
const REPORT = /^\x1b\[(?:[IO]|M|<)/

export interface Handlers {
  typed(data: Uint8Array, by: 'person' | 'emulator'): void
  title(title: string): void
  /** True when the key is not for the program. */
  key(event: KeyboardEvent): boolean
  resized(cols: number, rows: number): void
  bell(): void
  selected(): void
  /** Whether the end of the output is out of sight. */
  scrolled(up: boolean): void
  /** The browser took the graphics away; the plain renderer goes on. */
  graphicsLost(): void
}

export class XtermScreen implements Screen {
  readonly terminal: Terminal
  readonly search = new SearchAddon({ highlightLimit: MOST_MATCHES })
  private readonly fit = new FitAddon()
  private readonly encoder = new TextEncoder()
  private readonly handlers: Handlers
  private graphics: WebglAddon | null = null
  private renderer: Look['renderer'] = 'dom'
  private up = false
  private disposed = false

  constructor(handlers: Handlers, look: Look) {
    this.handlers = handlers
    this.terminal = new Terminal({
      ...options(look),
      allowProposedApi: true,
      lineHeight: 1.15,
      // WCAG AA, whatever colours a program puts together.
      minimumContrastRatio: LEAST_CONTRAST,
      macOptionIsMeta: true,
      screenReaderMode: false,
    })
    const { terminal } = this
    terminal.loadAddon(this.fit)
    terminal.loadAddon(new Unicode11Addon())
    terminal.unicode.activeVersion = '11'
    terminal.loadAddon(
      new WebLinksAddon((_event, address) => window.open(address, '_blank', 'noopener,noreferrer')),
    )
    terminal.loadAddon(new ClipboardAddon(undefined, writeOnly))
    terminal.loadAddon(this.search)
    this.leaveQueriesToTheDaemon()
    this.renderer = look.renderer
    terminal.onData((data) =>
      handlers.typed(this.encoder.encode(data), REPORT.test(data) ? 'emulator' : 'person'),
    )
    // Bytes that are no text, for instance of old mouse reports.
    terminal.onBinary((data) =>
      handlers.typed(
        Uint8Array.from(data, (one) => one.charCodeAt(0)),
        'emulator',
      ),
    )
    terminal.onTitleChange(handlers.title)
    terminal.onResize(({ cols, rows }) => handlers.resized(cols, rows))
    terminal.onBell(handlers.bell)
    terminal.onSelectionChange(handlers.selected)
    terminal.onRender(() => this.watchScrolling())
    terminal.attachCustomKeyEventHandler((event) => !handlers.key(event))
  }

  open(element: HTMLElement): void {
    this.terminal.open(element)
    this.chooseRenderer()
  }

  /** The size that would fill the element; null while it is not shown. */
  fitting(): { cols: number; rows: number } | null {
    const size = this.fit.proposeDimensions()
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return null
    return { cols: Math.max(2, size.cols), rows: Math.max(1, size.rows) }
  }

  look(look: Look): void {
    Object.assign(this.terminal.options, options(look))
    if (look.renderer === this.renderer) return
    this.renderer = look.renderer
    this.chooseRenderer()
  }

  write(data: Uint8Array, drawn: () => void): void {
    this.terminal.write(data, drawn)
  }

  restore(snapshot: Snapshot, drawn: () => void): void {
    this.terminal.write(RESET, () => this.terminal.resize(snapshot.cols, snapshot.rows))
    this.terminal.write(snapshot.restore, drawn)
  }

  resize(cols: number, rows: number): void {
    // After what was written before it, as it was in the session.
    this.terminal.write('', () => this.terminal.resize(cols, rows))
  }

  dispose(): void {
    this.disposed = true
    this.terminal.dispose()
  }

  private watchScrolling(): void {
    const { viewportY, baseY } = this.terminal.buffer.active
    const up = viewportY < baseY
    if (up === this.up) return
    this.up = up
    this.handlers.scrolled(up)
  }

  private chooseRenderer(): void {
    if (!this.terminal.element) return
    if (this.renderer === 'dom') {
      this.graphics?.dispose()
      this.graphics = null
      return
    }
    void import('@xterm/addon-webgl').then(
      ({ WebglAddon }) => this.useGraphics(new WebglAddon()),
      () => this.withoutGraphics(),
    )
  }

  private useGraphics(graphics: WebglAddon): void {
    if (this.disposed || this.graphics || this.renderer !== 'webgl') return
    graphics.onContextLoss(() => this.withoutGraphics())
    try {
      this.terminal.loadAddon(graphics)
      this.graphics = graphics
    } catch {
      // The browser has none, or gave too many away already.
      this.withoutGraphics()
    }
  }

  private withoutGraphics(): void {
    if (this.disposed) return
    this.graphics?.dispose()
    this.graphics = null
    this.handlers.graphicsLost()
  }

  /**
   * The daemon answers what programs ask of their terminal, once, however many look on. An answer
   * from here could come late, after the program has gone, and would be typed into the shell.
   */
  private leaveQueriesToTheDaemon(): void {
    const { parser } = this.terminal
    const swallow = () => true
    for (const prefix of [undefined, '>', '='] as const) {
      parser.registerCsiHandler(prefix ? { prefix, final: 'c' } : { final: 'c' }, swallow)
    }
    parser.registerCsiHandler({ final: 'n' }, swallow)
    parser.registerCsiHandler({ prefix: '?', final: 'n' }, swallow)
    parser.registerCsiHandler({ intermediates: '$', final: 'p' }, swallow)
    parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, swallow)
    parser.registerCsiHandler({ prefix: '>', final: 'q' }, swallow)
    for (const colour of [4, 10, 11, 12]) {
      // Setting a colour is ours to do; only questions are not.
      parser.registerOscHandler(colour, (data) => data.split(';').includes('?'))
    }
  }
}

function options({ palette, fontSize, fontFamily, cursorBlink, scrollback }: Look) {
  return { theme: palette.theme, fontSize, fontFamily, cursorBlink, scrollback }
}
