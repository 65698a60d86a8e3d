import { Button } from 'antd'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Executed, execute, type Server } from '../api/servers.ts'
import { Copy } from '../parts/copy.tsx'
import { Field } from '../parts/field.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot } from '../parts/state.tsx'
import { useAction } from '../parts/use-load.ts'
import { useReviews } from '../reviews/store.ts'
import { recordingAddress } from '../router.ts'

/** One command on the server, without a terminal. */
export function ExecuteBox({ server }: { server: Server }) {
  const { t } = useTranslation()
  const [command, setCommand] = useState('')
  const [done, setDone] = useState<(Executed & { command: string }) | null>(null)
  const { busy, problem, run } = useAction()
  const running = useRef<AbortController | null>(null)
  const waits = useReviews().some(
    (one) => one.door === 'line' && one.server?.id === server.id && one.may.cancel && one.line === command,
  )
  useEffect(() => () => running.current?.abort(), [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const cancel = new AbortController()
    running.current = cancel
    run(async () => {
      setDone(null)
      try {
        setDone({ ...(await execute(server.id, { command }, cancel.signal)), command })
      } catch (error) {
        if (!cancel.signal.aborted) throw error
      }
    })
  }
  return (
    <section aria-labelledby="server-execute">
      <h2 id="server-execute">{t('server.execute')}</h2>
      <form className="execute" onSubmit={submit}>
        <Field
          label={t('server.execute.command')}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          value={command}
          onChange={(event) => setCommand(event.target.value)}
        />
        {busy ? (
          <Button onClick={() => running.current?.abort()}>{t('form.cancel')}</Button>
        ) : (
          <Button htmlType="submit" disabled={!command.trim()}>
            {t('server.execute.run')}
          </Button>
        )}
      </form>
      {busy && (
        <p className="soft" role="status">
          {waits ? t('server.execute.waits') : t('server.execute.running')}
        </p>
      )}
      <ProblemNotice problem={problem} />
      {done && <Result done={done} />}
    </section>
  )
}

function Result({ done }: { done: Executed & { command: string } }) {
  const { t } = useTranslation()
  const good = done.exit_status === 0
  const words = done.timed_out
    ? t('server.execute.late')
    : done.signal
      ? t('state.ended.signal', { signal: done.signal })
      : t('state.ended.code', { code: done.exit_status ?? '–' })
  return (
    <div className="result" role="status">
      <p>
        <code>{done.command}</code> <Dot tone={good ? 'good' : 'bad'}>{words}</Dot>{' '}
        <span className="soft number">{t('server.execute.took', { ms: done.duration_ms })}</span>
        {done.recording && (
          <>
            {' '}
            <Link href={recordingAddress(done.recording)}>{t('server.execute.recording')}</Link>
          </>
        )}
      </p>
      {done.why && <p className="soft">{done.why}</p>}
      <Stream name="stdout" text={done.stdout} />
      <Stream name="stderr" text={done.stderr} />
      {done.truncated && (
        <p className="soft">
          {t('server.execute.truncated', { stdout: done.stdout_bytes, stderr: done.stderr_bytes })}
        </p>
      )}
      {!done.stdout && !done.stderr && <p className="soft">{t('server.execute.silent')}</p>}
    </div>
  )
}

/** A page with more of it than this is slow, and nobody reads it there. */
const SHOWN = 200_000

function Stream({ name, text }: { name: 'stdout' | 'stderr'; text: string }) {
  const { t } = useTranslation()
  if (!text) return null
  return (
    <figure className={`stream ${name}`}>
      <figcaption>
        {name} <Copy text={text} what={name} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long one scrolls with the keys */}
      <pre tabIndex={0}>{text.slice(0, SHOWN)}</pre>
      {text.length > SHOWN && (
        <p className="soft">{t('server.execute.long', { count: text.length - SHOWN })}</p>
      )}
    </figure>
  )
}
