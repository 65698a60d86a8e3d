import '../styles/servers.css'
import '../styles/rules.css'
import { useEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { liveStore } from '../api/live.ts'
import { type Alert, listAlerts } from '../api/rules.ts'
import { Ago } from '../parts/ago.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { usePages } from '../parts/use-pages.ts'
import { ReviewSections } from '../reviews/sections.tsx'
import { recordingAddress, useQuery } from '../router.ts'

/** What somebody should know of, newest first; new ones come by themselves. */
export function AlertsPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const { rows, problem, more, reload } = usePages(listAlerts)
  useEffect(
    () =>
      liveStore.onMessage(({ type }) => {
        if (type === 'alert') reload()
      }),
    [reload],
  )
  const columns = useColumns()
  const hidden = query.get('hide') ?? ''
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  return (
    <>
      <title>{`${t('nav.alerts')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.alerts')}</h1>
        <ReviewSections current="alerts" />
        <span className="gap" />
        {rows && rows.length > 0 && (
          <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
        )}
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      {rows?.length === 0 && (
        <section className="empty">
          <h2>{t('alerts.none')}</h2>
          <p>{t('alerts.none.lead')}</p>
        </section>
      )}
      {rows && rows.length > 0 && (
        <Table
          label={t('nav.alerts')}
          columns={shown}
          rows={rows}
          rowKey={(one) => String(one.id)}
          rowData={(one) => ({ 'data-alert': one.kind })}
          atEnd={more}
        />
      )}
    </>
  )
}

const TONES: Record<Alert['severity'], Tone> = { info: 'done', warning: 'wait', critical: 'bad' }

function useColumns(): Column<Alert>[] {
  const { t } = useTranslation()
  return useMemo(
    () => [
      {
        key: 'state',
        title: t('alerts.severity'),
        track: '104px',
        cell: ({ severity }) => (
          <Dot tone={TONES[severity] ?? 'wait'}>
            {severity in TONES ? t(`alerts.severity.${severity}`) : severity}
          </Dot>
        ),
      },
      {
        key: 'name',
        title: t('alerts.what'),
        track: 'minmax(200px, 3fr)',
        always: true,
        cell: ({ text }) => <strong>{text}</strong>,
      },
      {
        key: 'rule',
        title: t('rules.rule'),
        track: 'minmax(90px, 1fr)',
        cell: ({ rule }) => (rule ? <code>{rule}</code> : <span className="soft">–</span>),
      },
      {
        key: 'owner',
        title: t('home.column.owner'),
        track: 'minmax(80px, 0.8fr)',
        cell: ({ user }) => user?.name ?? <span className="soft">–</span>,
      },
      {
        key: 'where',
        title: t('connections.server'),
        track: 'minmax(80px, 0.8fr)',
        cell: ({ server }) => server?.name ?? <span className="soft">–</span>,
      },
      { key: 'at', title: t('alerts.at'), track: '84px', cell: ({ at }) => <Ago at={at} /> },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '96px',
        always: true,
        cell: ({ session }) =>
          session && (
            <Link className="quiet" href={recordingAddress(session)}>
              {t('alerts.session')}
            </Link>
          ),
      },
    ],
    [t],
  )
}
