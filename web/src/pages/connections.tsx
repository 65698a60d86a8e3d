import '../styles/servers.css'
import { Button } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { type Connection, endConnection, listConnections } from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot } from '../parts/state.tsx'
import { Sure } from '../parts/sure.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { useLoad, useReturn } from '../parts/use-load.ts'
import { useQuery } from '../router.ts'
import { Sections } from '../servers/sections.tsx'
import { addressWords } from '../servers/status.tsx'

/** The SSH connections that are open now. */
export function ConnectionsPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const { data, problem, loading, reload } = useLoad(listConnections)
  useReturn(reload)
  const [ending, setEnding] = useState<Connection | null>(null)
  const columns = useColumns(setEnding)
  const q = query.get('q') ?? ''
  const hidden = query.get('hide') ?? ''
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  const rows = useMemo(() => (data?.connections ?? []).filter((one) => fits(one, q)), [data, q])
  return (
    <>
      <title>{`${t('nav.connections')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.connections')}</h1>
        <Sections current="connections" />
        <span className="gap" />
        <Button loading={loading} onClick={reload}>
          {t('connections.refresh')}
        </Button>
      </header>
      <p className="soft">{t('connections.lead')}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {data && data.terminals !== 'listed' && (
        <p className="notice" role="status">
          {t(data.terminals === 'not_told' ? 'connections.not_told' : 'connections.unreachable')}
        </p>
      )}
      {data?.connections.length === 0 && <p className="no-rows soft">{t('connections.none')}</p>}
      {data && data.connections.length > 0 && (
        <>
          <div className="tools">
            <input
              type="search"
              className="input search"
              placeholder={t('connections.filter')}
              aria-label={t('connections.filter')}
              value={q}
              onChange={(event) => change({ q: event.target.value })}
            />
            <span className="gap" />
            <span className="soft" role="status">
              {t('connections.count', { count: rows.length })}
            </span>
            <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
          </div>
          {rows.length > 0 ? (
            <Table
              label={t('nav.connections')}
              columns={shown}
              rows={rows}
              rowKey={(one) => `${one.pool}-${one.id}`}
              rowData={(one) => ({ 'data-connection': one.server, 'data-pool': one.pool })}
            />
          ) : (
            <p className="no-rows soft">{t('table.nothing', { q })}</p>
          )}
        </>
      )}
      {ending && (
        <Sure
          title={t('connections.end.title', { name: ending.server })}
          yes={t('connections.end')}
          act={() => endConnection(ending)}
          close={() => {
            setEnding(null)
            reload()
          }}
        >
          <p>{t('connections.end.lead', { count: ending.channels })}</p>
        </Sure>
      )}
    </>
  )
}

function fits(one: Connection, q: string): boolean {
  const text = [one.server, one.username, addressWords(one), ...one.via].join('\n')
  return text.toLowerCase().includes(q.toLowerCase().trim())
}

function useColumns(end: (connection: Connection) => void): Column<Connection>[] {
  const { t } = useTranslation()
  const may = useRight('connection_end')
  return useMemo(
    () => [
      {
        key: 'name',
        title: t('connections.server'),
        track: 'minmax(120px, 1.4fr)',
        always: true,
        cell: (one) => <Link href={`/servers?q=${encodeURIComponent(one.server)}`}>{one.server}</Link>,
      },
      {
        key: 'pool',
        title: t('connections.pool'),
        track: '100px',
        cell: (one) => t(`connections.pool.${one.pool}`),
      },
      {
        key: 'state',
        title: t('home.column.state'),
        track: 'minmax(100px, 0.9fr)',
        cell: (one) =>
          one.idle_since ? (
            <Dot tone="done">{t('connections.idle')}</Dot>
          ) : (
            <Dot tone="good">{t('connections.busy')}</Dot>
          ),
      },
      {
        key: 'user',
        title: t('connections.user'),
        track: 'minmax(80px, 0.9fr)',
        cell: (one) => <code>{one.username}</code>,
      },
      {
        key: 'address',
        title: t('servers.column.address'),
        track: 'minmax(120px, 1.2fr)',
        cell: (one) => (
          <code title={one.via.length > 0 ? t('servers.through', { name: one.via.join(' → ') }) : undefined}>
            {addressWords(one)}
          </code>
        ),
      },
      {
        key: 'channels',
        title: t('connections.channels'),
        track: '100px',
        cell: (one) => <span className="number">{one.channels}</span>,
      },
      {
        key: 'since',
        title: t('connections.since'),
        track: '96px',
        cell: (one) => (one.since ? <Ago at={one.since} /> : <span className="soft">–</span>),
      },
      {
        key: 'unused',
        title: t('connections.unused'),
        track: '96px',
        cell: (one) => (one.idle_since ? <Ago at={one.idle_since} /> : <span className="soft">–</span>),
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '90px',
        always: true,
        cell: (one) =>
          may && (
            <button
              type="button"
              className="quiet danger"
              aria-label={t('connections.end.title', { name: one.server })}
              onClick={() => end(one)}
            >
              {t('connections.end')}
            </button>
          ),
      },
    ],
    [t, end, may],
  )
}
