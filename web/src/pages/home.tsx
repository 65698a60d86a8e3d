import { Button } from 'antd'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { createSession, endSession, listRecordings, type Problem } from '../api/client.ts'
import { useLive } from '../api/live.ts'
import { useRight } from '../api/me.ts'
import { mayEnd, recordingName, type Session, sessionName } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Command } from '../parts/command.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { useReviews } from '../reviews/store.ts'
import { go, recordingAddress, serverAddress, terminalAddress, useQuery } from '../router.ts'
import { openOn } from '../servers/open.ts'
import { useRecentServers } from '../servers/recent.ts'
import { countStates, filterSessions, readShow, Sessions } from './sessions.tsx'

const RECENT = 6
const SHOWS = ['running', 'ended', 'all'] as const

export function useOpenShell(): { busy: boolean; problem: Problem | null; open: () => void } {
  const { busy, problem, run } = useAction()
  const open = () =>
    run(async () => {
      const session = await createSession()
      go(terminalAddress(session.uid))
    })
  return { busy, problem, open }
}

export function HomePage() {
  const { t } = useTranslation()
  const live = useLive()
  const shell = useOpenShell()
  const mayOpen = useRight('session_create')
  const [ending, setEnding] = useState<readonly Session[]>([])
  const counts = countStates(live.sessions)
  const openButton = mayOpen && (
    <Button type="primary" loading={shell.busy} onClick={shell.open}>
      {shell.busy ? t('home.opening') : t('home.open')}
    </Button>
  )
  return (
    <>
      <title>{`${t('home.title')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('home.title')}</h1>
        {counts.running > 0 && <span className="soft">{t('home.running', { count: counts.running })}</span>}
        <span className="gap" />
        {live.sessions.length > 0 && openButton}
      </header>
      <ProblemNotice problem={shell.problem} />
      {live.state === 'loading' ? (
        <p className="loading soft">{t('frame.loading')}</p>
      ) : (
        <div className="home">
          <div>
            <Waiting />
            <Attention sessions={live.sessions} />
            {live.sessions.length === 0 ? (
              <Empty openButton={openButton} />
            ) : (
              <Filtered sessions={live.sessions} counts={counts} end={setEnding} />
            )}
          </div>
          <div>
            <LastServers />
            <Recent ended={counts.ended} />
          </div>
        </div>
      )}
      {ending.length > 0 && <EndQuestion sessions={ending} close={() => setEnding([])} />}
    </>
  )
}

/** Commands that wait for this person's word. */
function Waiting() {
  const { t } = useTranslation()
  const waiting = useReviews().filter(({ may }) => may.decide)
  const [first] = waiting
  if (!first) return null
  return (
    <section className="notice wait attention" aria-label={t('reviews.waiting')}>
      <div>
        <strong>{t('reviews.count', { count: waiting.length })}</strong>{' '}
        <span className="soft">
          {first.user?.name ?? '–'}: {first.line ?? first.argv.join(' ')}
        </span>
      </div>
      <Link className="quiet" href="/reviews">
        {t('reviews.look')}
      </Link>
    </section>
  )
}

/** Recordings in trouble. */
function Attention({ sessions }: { sessions: readonly Session[] }) {
  const { t } = useTranslation()
  const troubled = sessions.filter(
    ({ state, recording }) =>
      state === 'running' && (recording.state === 'failed' || recording.state === 'stalled'),
  )
  const [first] = troubled
  if (!first) return null
  return (
    <section className="notice bad attention" aria-label={t('home.attention')}>
      <div>
        <strong>{t('home.attention.recording', { count: troubled.length })}</strong>{' '}
        {first.recording.reason && <span className="soft">{first.recording.reason}</span>}
      </div>
      <Link className="quiet" href={terminalAddress(first.uid)}>
        {sessionName(first)}
      </Link>
    </section>
  )
}

function Empty({ openButton }: { openButton: React.ReactNode }) {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <h2>{t('home.empty.title')}</h2>
      <p>{openButton ? t('home.empty.lead') : t('home.empty.guest')}</p>
      {openButton}
      {openButton && (
        <>
          <p className="soft">{t('home.empty.cli')}</p>
          <Command text="bastide new" />
        </>
      )}
    </section>
  )
}

function Filtered({
  sessions,
  counts,
  end,
}: {
  sessions: readonly Session[]
  counts: Record<'running' | 'ended' | 'all', number>
  end: (sessions: readonly Session[]) => void
}) {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const q = query.get('q') ?? ''
  const show = readShow(query.get('show'))
  const rows = useMemo(() => filterSessions(sessions, q, show), [sessions, q, show])
  return (
    <Sessions
      rows={rows}
      end={end}
      hidden={query.get('hide') ?? ''}
      hide={(hide) => change({ hide })}
      empty={
        <p className="no-rows soft">
          {q ? t('table.nothing', { q }) : t('home.none')}{' '}
          {(q || show !== 'all') && (
            <button type="button" className="quiet" onClick={() => change({ q: '', show: 'all' })}>
              {t('table.clear')}
            </button>
          )}
        </p>
      }
      filter={
        <>
          <input
            type="search"
            className="input search"
            placeholder={t('home.filter')}
            aria-label={t('home.filter')}
            value={q}
            onChange={(event) => change({ q: event.target.value })}
          />
          <fieldset className="segments">
            <legend className="unseen">{t('home.column.state')}</legend>
            {SHOWS.map((one) => (
              <label key={one}>
                <input
                  type="radio"
                  name="show"
                  checked={show === one}
                  onChange={() => change({ show: one === 'running' ? '' : one })}
                />
                <span>
                  {t(`home.show.${one}`)} <span className="number">{counts[one]}</span>
                </span>
              </label>
            ))}
          </fieldset>
        </>
      }
    />
  )
}

/** One Enter away. */
function LastServers() {
  const { t } = useTranslation()
  const recent = useRecentServers()
  const { problem, run } = useAction()
  if (recent.length === 0) return null
  return (
    <aside className="recent" aria-label={t('home.servers')}>
      <header>
        <h2>{t('home.servers')}</h2>
        <span className="gap" />
        <Link href="/servers">{t('home.recent.all')}</Link>
      </header>
      <ProblemNotice problem={problem} />
      <ul>
        {recent.slice(0, RECENT).map((server) => (
          <li key={server.id}>
            <a
              href={serverAddress(server.id)}
              title={t('servers.open.what', { name: server.name })}
              onClick={(event) => {
                if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
                event.preventDefault()
                run(() => openOn(server, server.credential))
              }}
            >
              {server.name}
            </a>
          </li>
        ))}
      </ul>
    </aside>
  )
}

/** `ended` changes when there may be one more. */
function Recent({ ended }: { ended: number }) {
  const { t } = useTranslation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when another session has ended
  const load = useCallback(() => listRecordings({ limit: RECENT }), [ended])
  const { data, problem, reload } = useLoad(load)
  return (
    <aside className="recent" aria-label={t('home.recent')}>
      <header>
        <h2>{t('home.recent')}</h2>
        <span className="gap" />
        {data && data.items.length > 0 && <Link href="/recordings">{t('home.recent.all')}</Link>}
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.items.length === 0 && <p className="soft">{t('home.recent.empty')}</p>}
      <ul>
        {data?.items.map((recording) => (
          <li key={recording.id}>
            <Link href={recordingAddress(recording.id)}>{recordingName(recording)}</Link>
            <span className="soft">
              {recording.owner?.username ?? recording.account ?? '–'} · <Ago at={recording.started} />
            </span>
          </li>
        ))}
      </ul>
    </aside>
  )
}

function EndQuestion({ sessions, close }: { sessions: readonly Session[]; close: () => void }) {
  const { t } = useTranslation()
  const { busy, problem, run } = useAction()
  const [first] = sessions
  const end = () =>
    run(async () => {
      for (const session of sessions.filter(mayEnd)) await endSession(session.uid)
      close()
    })
  return (
    <Dialog title={t('home.end.title', { count: sessions.length })} close={close}>
      <p>
        {sessions.length === 1 && first
          ? t('home.end.lead', { name: sessionName(first) })
          : t('home.end.many')}
      </p>
      <ProblemNotice problem={problem} />
      <div className="dialog-actions">
        <Button onClick={close}>{t('home.end.cancel')}</Button>
        <Button danger type="primary" loading={busy} onClick={end}>
          {t('home.end.confirm')}
        </Button>
      </div>
    </Dialog>
  )
}
