import { Button } from 'antd'
import { type KeyboardEvent, useCallback, useEffect, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Server } from '../api/servers.ts'
import { currentLanguage } from '../i18n.ts'
import { Link } from '../parts/link.tsx'
import { Notice } from '../parts/notice.tsx'
import { recordingAddress } from '../router.ts'
import { type Entry, heard, isBusy, left, NOTHING, recalled, type Told, typed, type Words } from './lines.ts'

/** Whose lines the server runs one by one, each after its verdict. As the server counts them. */
const UNIX = ['linux', 'unix', 'freebsd', 'openbsd', 'netbsd', 'macos']
export const hasLines = (server: Server) => UNIX.includes(server.platform.toLowerCase())

const MAX_HISTORY = 200

function useLines(server: number) {
  const { t } = useTranslation()
  const [lines, set] = useState(NOTHING)
  const socket = useRef<WebSocket | null>(null)
  useEffect(() => () => socket.current?.close(), [])
  const connected = useCallback((): Promise<WebSocket> => {
    const there = socket.current
    if (there && there.readyState <= WebSocket.OPEN) return opened(there)
    const address = new URL(`/ws/terminal/${server}`, location.href)
    address.protocol = address.protocol.replace('http', 'ws')
    const made = new WebSocket(address)
    socket.current = made
    set((now) => ({ ...now, state: 'connecting' }))
    made.onmessage = (event) => set((now) => heard(now, JSON.parse(String(event.data)) as Told))
    made.onclose = () => {
      if (socket.current === made) set((now) => left(now, t('server.lines.lost')))
    }
    return opened(made)
  }, [server, t])
  const say = useCallback(
    (message: object) =>
      connected().then(
        (wire) => wire.send(JSON.stringify(message)),
        // The end of the connection has been told already.
        () => {},
      ),
    [connected],
  )
  const run = (line: string) => {
    set((now) => typed(now, line))
    void say({ type: 'command', command: line, stream: true })
  }
  const interrupt = () => void say({ type: 'interrupt' })
  const clear = () => set((now) => (isBusy(now) ? now : { ...now, entries: [], error: null }))
  return { lines, run, interrupt, clear }
}

function opened(socket: WebSocket): Promise<WebSocket> {
  if (socket.readyState === WebSocket.OPEN) return Promise.resolve(socket)
  return new Promise((done, failed) => {
    socket.addEventListener('open', () => done(socket), { once: true })
    socket.addEventListener('close', failed, { once: true })
  })
}

/** Line after line on the server, each judged before it leaves. */
export function LinesBox({ server }: { server: Server }) {
  const { t } = useTranslation()
  const { lines, run, interrupt, clear } = useLines(server.id)
  const [line, setLine] = useState('')
  const [history, setHistory] = useState<readonly string[]>([])
  const [at, setAt] = useState(0)
  const id = useId()
  const log = useRef<HTMLDivElement>(null)
  const busy = isBusy(lines)
  const { entries } = lines
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is new is looked at
  useEffect(() => {
    // In newer browsers it returns a promise, which is no way to clean up.
    void log.current?.scrollTo(0, log.current.scrollHeight)
  }, [entries])
  const submit = () => {
    if (!line.trim()) return
    run(line)
    setHistory((known) => [...known.filter((one) => one !== line), line].slice(-MAX_HISTORY))
    setLine('')
    setAt(0)
  }
  const recall = (by: number) => {
    const next = recalled(history, at, by)
    setAt(next)
    setLine(history.at(-next) ?? '')
    if (next === 0) setLine('')
  }
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return
    const { selectionStart, selectionEnd } = event.currentTarget
    const ctrl = event.ctrlKey && !event.altKey && !event.metaKey
    if (event.key === 'Enter') submit()
    else if (event.key === 'ArrowUp') recall(1)
    else if (event.key === 'ArrowDown') recall(-1)
    else if (ctrl && event.key === 'l') clear()
    // With a selection it copies, as everywhere.
    else if (ctrl && event.key === 'c' && selectionStart === selectionEnd && !getSelection()?.toString()) {
      if (busy) interrupt()
      else setLine('')
    } else return
    event.preventDefault()
  }
  return (
    <section aria-labelledby={`${id}h`} className="lines">
      <h2 id={`${id}h`}>{t('server.lines')}</h2>
      <p className="soft">
        {t('server.lines.lead')}{' '}
        {lines.session && <Link href={recordingAddress(lines.session)}>{t('server.execute.recording')}</Link>}
      </p>
      {entries.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long one scrolls with the keys
        <div className="lines-log" ref={log} role="log" aria-label={t('server.lines.log')} tabIndex={0}>
          {entries.map((entry) => (
            <Line key={entry.key} entry={entry} cancel={interrupt} />
          ))}
        </div>
      )}
      {lines.error && entries.length === 0 && <Notice tone="bad">{lines.error}</Notice>}
      <div className="lines-field">
        <code className="prompt-words" aria-hidden="true">
          {lines.prompt || '$ '}
        </code>
        <input
          className="input"
          aria-label={t('server.lines.line')}
          value={line}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setLine(event.target.value)
            setAt(0)
          }}
          onKeyDown={press}
        />
        {busy ? (
          <Button onClick={interrupt} title="Ctrl+C">
            {t('server.lines.interrupt')}
          </Button>
        ) : (
          <Button onClick={submit} disabled={!line.trim()}>
            {t('server.execute.run')}
          </Button>
        )}
      </div>
    </section>
  )
}

const inWords = (words: Words) => (currentLanguage() === 'zh-CN' ? words.zh : words.en)

function Line({ entry, cancel }: { entry: Entry; cancel: () => void }) {
  const { t } = useTranslation()
  const { prompt, line, output, review, refusal, error, exit, state } = entry
  return (
    <div className="lines-entry" data-state={state}>
      <pre className="asked">
        <span className="soft">{prompt || '$ '}</span>
        {line}
      </pre>
      {output && <pre>{output}</pre>}
      {review && (
        <p className="lines-wait">
          {inWords(review.message)}{' '}
          <span className="soft">
            {t('server.lines.until', { time: new Date(review.expires).toLocaleTimeString() })}
          </span>{' '}
          <button type="button" className="quiet" onClick={cancel}>
            {t('form.cancel')}
          </button>
        </p>
      )}
      {refusal && <p className="lines-refused">{inWords(refusal)}</p>}
      {error && <p className="lines-refused">{error}</p>}
      {!error && !refusal && exit !== undefined && exit !== null && exit !== 0 && (
        <p className="soft">{t('state.ended.code', { code: exit })}</p>
      )}
    </div>
  )
}
