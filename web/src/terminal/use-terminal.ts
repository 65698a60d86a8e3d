import { type RefObject, useEffect, useRef, useState } from 'react'
import { liveStore } from '../api/live.ts'
import type { ViewerInfo } from './frames.ts'
import { browserHost } from './host.ts'
import { needsConfirmation, type Paste } from './paste.ts'
import { XtermScreen } from './screen.ts'
import { type Phase, TerminalSocket } from './socket.ts'

export interface TerminalState {
  phase: Phase
  size: { cols: number; rows: number } | null
  /** Milliseconds. */
  roundTrip: number | null
  viewers: ViewerInfo[]
  write: boolean
  title: string
  /** Bytes the program has not read for a noticeable time. */
  backlog: number | null
  notice: { kind: string; text: string } | null
  paste: Paste | null
}

const FRESH: TerminalState = {
  phase: { kind: 'connecting' },
  size: null,
  roundTrip: null,
  viewers: [],
  write: true,
  title: '',
  backlog: null,
  notice: null,
  paste: null,
}

export interface TerminalActions {
  retry(): void
  cancelInput(): void
  dismiss(): void
  /** What was asked about is pasted, or not. */
  answerPaste(yes: boolean): void
}

/** A terminal in an element: what it shows beside its screen, and what can be done. */
export function useTerminal(
  element: RefObject<HTMLElement | null>,
  { uid, watch, dark }: { uid: string; watch: boolean; dark: boolean },
): [TerminalState, TerminalActions] {
  const [state, setState] = useState(FRESH)
  const running = useRef<{ socket: TerminalSocket; screen: XtermScreen } | null>(null)
  const firstDark = useRef(dark)
  const asked = useRef<Paste | null>(null)

  useEffect(() => {
    const place = element.current
    if (!place) return
    const change = (part: Partial<TerminalState>) => setState((now) => ({ ...now, ...part }))
    const screen = new XtermScreen(
      {
        typed: (data) => {
          if (!socket.type(data)) change({ notice: { kind: 'full', text: '' } })
        },
        title: (title) => change({ title }),
        copy,
        resized: (cols, rows) => {
          change({ size: { cols, rows } })
          frame()
        },
      },
      firstDark.current,
    )
    const socket = new TerminalSocket({
      host: browserHost(uid),
      screen,
      client: ownName(),
      watch,
      listener: {
        phase: (phase) => {
          change({ phase })
          if (phase.kind === 'closed' && phase.why === 'login') liveStore.loggedOut()
        },
        backlog: (bytes, slow) =>
          setState((now) => {
            const backlog = bytes > 0 && (slow || now.backlog !== null) ? bytes : null
            return backlog === now.backlog ? now : { ...now, backlog }
          }),
        roundTrip: (milliseconds) => change({ roundTrip: Math.round(milliseconds) }),
        viewers: (viewers) => change({ viewers }),
        writable: (write) => change({ write }),
        notice: (kind, text) => change({ notice: { kind, text } }),
      },
    })
    // Where the session ends, when another writer has given it another size than this window's.
    const frame = () => {
      const size = screen.fitting()
      const { cols, rows } = screen.terminal
      place.classList.toggle('letterbox', size !== null && (size.cols !== cols || size.rows !== rows))
    }
    running.current = { socket, screen }
    screen.open(place)
    // For whoever looks into the page with a console, and for its tests.
    Object.assign(place, { terminal: screen.terminal })
    const fill = () => {
      const size = screen.fitting()
      if (size) socket.resize(size.cols, size.rows)
      frame()
    }
    fill()
    const observer = new ResizeObserver(fill)
    observer.observe(place)
    const stopListening = listen(place, socket, (paste) => {
      asked.current = paste
      change({ paste })
    })
    socket.start()
    screen.terminal.focus()
    return () => {
      observer.disconnect()
      stopListening()
      socket.stop()
      screen.dispose()
      running.current = null
    }
  }, [element, uid, watch])

  useEffect(() => running.current?.screen.theme(dark), [dark])

  const focus = () => running.current?.screen.terminal.focus()
  return [
    state,
    {
      retry: () => {
        running.current?.socket.retryNow()
        focus()
      },
      cancelInput: () => {
        running.current?.socket.cancelInput()
        focus()
      },
      dismiss: () => {
        setState((now) => ({ ...now, notice: null }))
        focus()
      },
      answerPaste: (yes) => {
        // Once: the question still hears keys while it fades.
        const paste = asked.current
        asked.current = null
        if (yes && paste) running.current?.screen.terminal.paste(paste.text)
        setState((now) => ({ ...now, paste: null }))
      },
    },
  ]
}

/** Names this page to the server. (`crypto.randomUUID` is not there without TLS on another machine.) */
function ownName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

function copy(text: string): void {
  // Without TLS there is no clipboard to write to; then the browser copies what is selected.
  if (navigator.clipboard) void navigator.clipboard.writeText(text)
  else document.execCommand('copy')
}

function listen(place: HTMLElement, socket: TerminalSocket, ask: (paste: Paste) => void): () => void {
  const pasted = (event: ClipboardEvent) => {
    const paste = needsConfirmation(event.clipboardData?.getData('text/plain') ?? '')
    if (!paste) return
    event.preventDefault()
    event.stopPropagation()
    ask(paste)
  }
  const online = () => socket.retryNow()
  const offline = () => socket.networkLost()
  const looked = () => {
    if (document.visibilityState === 'visible') socket.retryNow()
  }
  // Before xterm.js, which would take it as it is.
  place.addEventListener('paste', pasted, { capture: true })
  window.addEventListener('online', online)
  window.addEventListener('offline', offline)
  document.addEventListener('visibilitychange', looked)
  return () => {
    place.removeEventListener('paste', pasted, { capture: true })
    window.removeEventListener('online', online)
    window.removeEventListener('offline', offline)
    document.removeEventListener('visibilitychange', looked)
  }
}
