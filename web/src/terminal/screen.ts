// xterm.js as the state machine sees it: everything in the order of the stream.

import { ClipboardAddon, type IClipboardProvider } from '@xterm/addon-clipboard'
import { FitAddon } from '@xterm/addon-fit'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { type ITheme, Terminal } from '@xterm/xterm'
import type { Snapshot } from './frames.ts'
import type { Screen } from './socket.ts'

const SCROLLBACK = 5_000

/** Ends a sequence that was cut off, then resets everything (ECMA-48: CAN, RIS). */
const RESET = '\x18\x1bc'

export const FONT =
  '"JetBrains Mono", "Cascadia Mono", "SF Mono", Menlo, "DejaVu Sans Mono", Consolas, "Sarasa Mono SC", "Noto Sans Mono CJK SC", "Noto Sans Mono", "PingFang SC", "Microsoft YaHei", monospace'

export const LIGHT: ITheme = {
  background: '#fdfdfc',
  foreground: '#24292f',
  cursor: '#0f766e',
  cursorAccent: '#fdfdfc',
  selectionBackground: '#b9dcd8',
  black: '#24292f',
  red: '#b42318',
  green: '#2f7d32',
  yellow: '#8a6100',
  blue: '#1f5fbf',
  magenta: '#8e3fa8',
  cyan: '#0b7285',
  white: '#6b7280',
  brightBlack: '#59636e',
  brightRed: '#d1352b',
  brightGreen: '#3a9140',
  brightYellow: '#a87500',
  brightBlue: '#3577d8',
  brightMagenta: '#a855c4',
  brightCyan: '#1286a0',
  brightWhite: '#8b949e',
}

export const DARK: ITheme = {
  background: '#101418',
  foreground: '#d7dde3',
  cursor: '#4fd1c5',
  cursorAccent: '#101418',
  selectionBackground: '#2b4a52',
  black: '#1b2127',
  red: '#ef6b63',
  green: '#7ccf7f',
  yellow: '#e2b74e',
  blue: '#6ea8f7',
  magenta: '#cf8ee6',
  cyan: '#58c9d6',
  white: '#c5ccd3',
  brightBlack: '#6e7a86',
  brightRed: '#ff8a80',
  brightGreen: '#9be49d',
  brightYellow: '#f3cf73',
  brightBlue: '#94c2ff',
  brightMagenta: '#e2aef5',
  brightCyan: '#7fe0eb',
  brightWhite: '#f2f5f7',
}

/** Programs may put something on the clipboard; what is on it is not theirs to read. */
const writeOnly: IClipboardProvider = {
  readText: () => '',
  writeText: async (selection, text) => {
    if (selection === 'c') await navigator.clipboard?.writeText(text).catch(() => {})
  },
}

export interface Handlers {
  typed(data: Uint8Array): void
  title(title: string): void
  /** Ctrl+Shift+C, or Cmd+C: true when something was selected. */
  copy(text: string): void
  resized(cols: number, rows: number): void
}

export class XtermScreen implements Screen {
  readonly terminal: Terminal
  private readonly fit = new FitAddon()
  private readonly encoder = new TextEncoder()

  constructor(handlers: Handlers, dark: boolean) {
    this.terminal = new Terminal({
      allowProposedApi: true,
      fontFamily: FONT,
      fontSize: 14,
      lineHeight: 1.15,
      scrollback: SCROLLBACK,
      theme: dark ? DARK : LIGHT,
      // WCAG AA, whatever colours a program puts together.
      minimumContrastRatio: 4.5,
      cursorBlink: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
      macOptionIsMeta: true,
      screenReaderMode: false,
    })
    this.terminal.loadAddon(this.fit)
    this.terminal.loadAddon(new Unicode11Addon())
    this.terminal.unicode.activeVersion = '11'
    this.terminal.loadAddon(
      new WebLinksAddon((_event, address) => window.open(address, '_blank', 'noopener,noreferrer')),
    )
    this.terminal.loadAddon(new ClipboardAddon(undefined, writeOnly))
    this.leaveQueriesToTheDaemon()
    this.terminal.onData((data) => handlers.typed(this.encoder.encode(data)))
    // Bytes that are no text, for instance of old mouse reports.
    this.terminal.onBinary((data) => handlers.typed(Uint8Array.from(data, (one) => one.charCodeAt(0))))
    this.terminal.onTitleChange(handlers.title)
    this.terminal.onResize(({ cols, rows }) => handlers.resized(cols, rows))
    this.terminal.attachCustomKeyEventHandler((event) => this.ownKey(event, handlers))
  }

  open(element: HTMLElement): void {
    this.terminal.open(element)
  }

  /** The size that would fill the element; null while it is not shown. */
  fitting(): { cols: number; rows: number } | null {
    const size = this.fit.proposeDimensions()
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return null
    return { cols: Math.max(2, size.cols), rows: Math.max(1, size.rows) }
  }

  theme(dark: boolean): void {
    this.terminal.options.theme = dark ? DARK : LIGHT
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
    this.terminal.dispose()
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

  /** False: not for the program. Only what a terminal never gets: with Shift, or with Cmd. */
  private ownKey(event: KeyboardEvent, handlers: Handlers): boolean {
    const copy = (event.ctrlKey && event.shiftKey) || (event.metaKey && !event.ctrlKey)
    if (!copy || event.code !== 'KeyC') return true
    if (event.type === 'keydown' && this.terminal.hasSelection()) {
      event.preventDefault()
      handlers.copy(this.terminal.getSelection())
    }
    return false
  }
}
