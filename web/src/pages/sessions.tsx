import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { isOpen as isAlive, mayEnd, type Session, sessionName } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Copy } from '../parts/copy.tsx'
import { Link } from '../parts/link.tsx'
import { Recording, State } from '../parts/state.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { serverAddress, sessionAddress } from '../router.ts'

export type Show = 'running' | 'ended' | 'all'

export function readShow(said: string | null): Show {
  return said === 'ended' || said === 'all' ? said : 'running'
}

export function countStates(sessions: readonly Session[]): Record<Show, number> {
  const running = sessions.filter(isAlive).length
  return { running, ended: sessions.length - running, all: sessions.length }
}

/** Every word of `q` must be somewhere in what a row shows. */
export function filterSessions(sessions: readonly Session[], q: string, show: Show): Session[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  return sessions.filter((session) => {
    if (show !== 'all' && isAlive(session) !== (show === 'running')) return false
    if (words.length === 0) return true
    const { title, cwd, account, uid, owner, command, server } = session
    const text = [
      sessionName(session),
      server?.name,
      title,
      cwd,
      account,
      uid,
      owner?.username,
      command.join(' '),
    ]
      .join('\n')
      .toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

export function Sessions({
  rows,
  end,
  hidden,
  hide,
  filter,
  empty,
}: {
  rows: readonly Session[]
  end: (sessions: readonly Session[]) => void
  hidden: string
  hide: (hidden: string) => void
  filter: ReactNode
  empty: ReactNode
}) {
  const { t } = useTranslation()
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set())
  const columns = useColumns(end)
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  // What is no longer shown, or has ended, is no longer chosen.
  const picked = rows.filter((session) => chosen.has(session.uid) && isOpen(session))
  return (
    <>
      <div className="tools">
        {picked.length > 0 ? (
          <div className="picked" role="status">
            <span>{t('table.chosen', { count: picked.length })}</span>
            <button type="button" className="quiet danger" onClick={() => end(picked)}>
              {t('home.end.chosen')}
            </button>
            <button type="button" className="quiet" onClick={() => choose(new Set())}>
              {t('table.none')}
            </button>
          </div>
        ) : (
          filter
        )}
        <span className="gap" />
        <ColumnChoice columns={columns} hidden={hidden} hide={hide} />
      </div>
      {rows.length === 0 ? (
        empty
      ) : (
        <Table
          label={t('home.title')}
          columns={shown}
          rows={rows}
          rowKey={(session) => session.uid}
          rowData={(session) => ({ 'data-uid': session.uid, 'data-state': session.state })}
          selection={{ chosen, choose, selectable: isOpen, rowLabel: sessionName }}
        />
      )}
    </>
  )
}

const isOpen = (session: Session) => isAlive(session) && mayEnd(session)

function useColumns(end: (sessions: readonly Session[]) => void): Column<Session>[] {
  const { t } = useTranslation()
  return useMemo(
    () => [
      {
        key: 'name',
        title: t('home.column.name'),
        track: 'minmax(140px, 2fr)',
        always: true,
        cell: (session) => (
          <>
            <Link href={sessionAddress(session)}>{sessionName(session)}</Link>
            {session.title && <span className="soft title">{session.title}</span>}
          </>
        ),
      },
      {
        key: 'state',
        title: t('home.column.state'),
        track: '114px',
        cell: (session) => <State session={session} />,
      },
      {
        key: 'where',
        title: t('home.column.where'),
        track: 'minmax(110px, 1.9fr)',
        cell: (session) =>
          session.server ? (
            <Link href={serverAddress(session.server.id)}>{session.server.name}</Link>
          ) : (
            <code title={session.cwd ?? undefined}>
              {session.account}
              {session.cwd && `:${session.cwd}`}
            </code>
          ),
      },
      {
        key: 'owner',
        title: t('home.column.owner'),
        track: 'minmax(56px, 0.6fr)',
        cell: (session) => session.owner?.username ?? <span className="soft">–</span>,
      },
      {
        key: 'viewers',
        title: t('home.column.viewers'),
        track: '56px',
        cell: (session) => <span className="number">{session.viewers.length || '–'}</span>,
      },
      {
        key: 'recording',
        title: t('home.column.recording'),
        track: '122px',
        cell: (session) => <Recording recording={session.recording} />,
      },
      {
        key: 'opened',
        title: t('home.column.opened'),
        track: '76px',
        cell: (session) => <Ago at={session.created} />,
      },
      {
        key: 'id',
        title: t('home.column.id'),
        track: '98px',
        cell: (session) => (
          <span className="id">
            <code title={session.uid}>{session.uid.slice(-8)}</code>
            <Copy text={session.uid} what={t('home.column.id')} />
          </span>
        ),
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '106px',
        always: true,
        cell: (session) => <Actions session={session} end={end} />,
      },
    ],
    [t, end],
  )
}

function Actions({ session, end }: { session: Session; end: (sessions: readonly Session[]) => void }) {
  const { t } = useTranslation()
  if (!isAlive(session)) return null
  const name = sessionName(session)
  return (
    <>
      <Link
        className="quiet"
        href={sessionAddress({ ...session, access: 'watch' })}
        aria-label={t('home.watch.what', { name })}
      >
        {t('home.watch')}
      </Link>
      {mayEnd(session) && (
        <button
          type="button"
          className="quiet danger"
          aria-label={t('home.end.what', { name })}
          onClick={() => end([session])}
        >
          {t('home.end')}
        </button>
      )}
    </>
  )
}
