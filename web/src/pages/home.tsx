import { Alert, Button, Modal } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { createSession, endSession, Problem } from '../api/client.ts'
import { type Live, useLive } from '../api/live.ts'
import { type Session, sessionName } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Command } from '../parts/command.tsx'
import { Link } from '../parts/link.tsx'
import { Recording, State } from '../parts/state.tsx'
import { go, terminalAddress } from '../router.ts'

export function HomePage() {
  const { t } = useTranslation()
  const live = useLive()
  const [error, setError] = useState<string | null>(null)
  const [ending, setEnding] = useState<Session | null>(null)
  const [opening, setOpening] = useState(false)

  const failed = (problem: unknown) => {
    if (!(problem instanceof Problem)) throw problem
    setError(problem.message || t('error.unreachable'))
  }
  const open = () => {
    setOpening(true)
    setError(null)
    createSession()
      .then((session) => go(terminalAddress(session.uid)), failed)
      .finally(() => setOpening(false))
  }
  const end = (session: Session) => {
    setEnding(null)
    endSession(session.uid).catch(failed)
  }
  const running = live.sessions.filter((session) => session.state === 'running').length

  return (
    <>
      <title>{`${t('home.title')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('home.title')}</h1>
        {running > 0 && <span className="soft">{t('home.running', { count: running })}</span>}
        <span className="gap" />
        {live.sessions.length > 0 && <OpenButton opening={opening} open={open} />}
      </header>
      <Trouble live={live} />
      {error && (
        <Alert
          className="trouble"
          type="error"
          showIcon
          title={t('error.title')}
          description={error}
          closable={{ closeIcon: true, onClose: () => setError(null), 'aria-label': t('error.dismiss') }}
        />
      )}
      {live.state === 'loading' ? (
        <p className="soft">{t('home.loading')}</p>
      ) : live.sessions.length === 0 ? (
        <Empty opening={opening} open={open} />
      ) : (
        <Sessions sessions={live.sessions} end={setEnding} />
      )}
      <Modal
        open={ending !== null}
        title={t('home.end.title')}
        okText={t('home.end.confirm')}
        cancelText={t('home.end.cancel')}
        okButtonProps={{ danger: true }}
        onOk={() => ending && end(ending)}
        onCancel={() => setEnding(null)}
        width={420}
      >
        {ending && t('home.end.lead', { name: sessionName(ending) })}
      </Modal>
    </>
  )
}

function OpenButton({ opening, open }: { opening: boolean; open: () => void }) {
  const { t } = useTranslation()
  return (
    <Button type="primary" loading={opening} onClick={open}>
      {opening ? t('home.opening') : t('home.open')}
    </Button>
  )
}

function Trouble({ live }: { live: Live }) {
  const { t } = useTranslation()
  const words =
    live.state === 'lost' ? t('live.lost') : live.waiting && t('live.waiting', { reason: live.waiting })
  return words ? <Alert className="trouble" type="warning" showIcon title={words} /> : null
}

function Empty({ opening, open }: { opening: boolean; open: () => void }) {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <h2>{t('home.empty.title')}</h2>
      <p>{t('home.empty.lead')}</p>
      <OpenButton opening={opening} open={open} />
      <p className="soft">{t('home.empty.cli')}</p>
      <Command text="bastide new" />
    </section>
  )
}

function Sessions({ sessions, end }: { sessions: readonly Session[]; end: (session: Session) => void }) {
  const { t } = useTranslation()
  return (
    <table className="sessions">
      <thead>
        <tr>
          <th scope="col">{t('home.column.state')}</th>
          <th scope="col">{t('home.column.name')}</th>
          <th scope="col">{t('home.column.where')}</th>
          <th scope="col">{t('home.column.viewers')}</th>
          <th scope="col">{t('home.column.recording')}</th>
          <th scope="col">{t('home.column.opened')}</th>
          <th scope="col" className="actions">
            {t('home.column.actions')}
          </th>
        </tr>
      </thead>
      <tbody>
        {sessions.map((session) => (
          <Row key={session.uid} session={session} end={end} />
        ))}
      </tbody>
    </table>
  )
}

function Row({ session, end }: { session: Session; end: (session: Session) => void }) {
  const { t } = useTranslation()
  const running = session.state === 'running'
  return (
    <tr data-uid={session.uid} data-state={session.state}>
      <td>
        <State session={session} />
      </td>
      <td className="name">
        <Link href={terminalAddress(session.uid)}>{sessionName(session)}</Link>
        {session.title && <span className="soft title">{session.title}</span>}
      </td>
      <td className="where">
        <code>
          {session.account}
          {session.cwd && `:${session.cwd}`}
        </code>
      </td>
      <td className="number">{session.viewers.length || '–'}</td>
      <td>
        <Recording recording={session.recording} />
      </td>
      <td>
        <Ago at={session.created} />
      </td>
      <td className="actions">
        {running && (
          <>
            <Link className="quiet" href={terminalAddress(session.uid, true)}>
              {t('home.watch')}
            </Link>
            <button type="button" className="quiet danger" onClick={() => end(session)}>
              {t('home.end')}
            </button>
          </>
        )}
      </td>
    </tr>
  )
}
