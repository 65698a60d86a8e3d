import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { castAddress, listRecordings } from '../api/client.ts'
import { type Recording, recordingName } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Bytes } from '../parts/bytes.tsx'
import { Command } from '../parts/command.tsx'
import { durationWords } from '../parts/duration.ts'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { useLater, usePages } from '../parts/use-pages.ts'
import { recordingAddress, useQuery } from '../router.ts'

/** Typing asks the server once it pauses. */
const PAUSE = 250

export function RecordingsPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const q = query.get('q') ?? ''
  const asked = useLater(q, PAUSE)
  const list = usePages(useCallback((cursor: string | null) => listRecordings({ q: asked, cursor }), [asked]))
  const columns = useColumns()
  const hidden = query.get('hide') ?? ''
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  return (
    <>
      <title>{`${t('recordings.title')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('recordings.title')}</h1>
      </header>
      <div className="tools">
        <input
          type="search"
          className="input search"
          placeholder={t('recordings.filter')}
          aria-label={t('recordings.filter')}
          value={q}
          onChange={(event) => change({ q: event.target.value })}
        />
        <span className="gap" />
        <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
      </div>
      <ProblemNotice problem={list.problem} retry={list.reload} />
      {list.rows === null ? (
        !list.problem && <p className="loading soft">{t('frame.loading')}</p>
      ) : list.rows.length > 0 ? (
        <Table
          label={t('recordings.title')}
          columns={shown}
          rows={list.rows}
          rowKey={(recording) => recording.id}
          rowData={(recording) => ({ 'data-recording': recording.id })}
          atEnd={list.more}
        />
      ) : asked ? (
        <p className="no-rows soft">
          {t('table.nothing', { q: asked })}{' '}
          <button type="button" className="quiet" onClick={() => change({ q: '' })}>
            {t('table.clear')}
          </button>
        </p>
      ) : (
        <section className="empty">
          <h2>{t('recordings.empty')}</h2>
          <p>{t('recordings.empty.lead')}</p>
          <Command text="bastide recordings" />
        </section>
      )}
    </>
  )
}

const TONES: Record<Recording['state'], Tone> = {
  recording: 'good',
  closed: 'done',
  failed: 'bad',
  lost: 'wait',
}

export function RecordingState({ state }: { state: Recording['state'] }) {
  const { t } = useTranslation()
  return (
    <span title={t(`recordings.state.${state}.title`)}>
      <Dot tone={TONES[state]}>{t(`recordings.state.${state}`)}</Dot>
    </span>
  )
}

function useColumns(): Column<Recording>[] {
  const { t } = useTranslation()
  return useMemo(
    () => [
      {
        key: 'name',
        title: t('home.column.name'),
        track: 'minmax(150px, 2fr)',
        always: true,
        cell: (recording) => (
          <>
            <Link href={recordingAddress(recording.id)}>{recordingName(recording)}</Link>
            {recording.command.length > 0 && (
              <span className="soft title">
                <code>{recording.command.join(' ')}</code>
              </span>
            )}
          </>
        ),
      },
      {
        key: 'state',
        title: t('home.column.state'),
        track: 'minmax(100px, 0.9fr)',
        cell: (recording) => <RecordingState state={recording.state} />,
      },
      {
        key: 'owner',
        title: t('home.column.owner'),
        track: 'minmax(80px, 0.9fr)',
        cell: (recording) => recording.owner?.username ?? <span className="soft">–</span>,
      },
      {
        key: 'account',
        title: t('recordings.column.account'),
        track: 'minmax(80px, 0.8fr)',
        cell: (recording) =>
          recording.account ? <code>{recording.account}</code> : <span className="soft">–</span>,
      },
      {
        key: 'started',
        title: t('recordings.column.started'),
        track: 'minmax(90px, 0.9fr)',
        cell: (recording) => <Ago at={recording.started} />,
      },
      {
        key: 'length',
        title: t('recordings.column.length'),
        track: 'minmax(70px, 0.6fr)',
        cell: (recording) => <span className="number">{durationWords(recording.duration_ms)}</span>,
      },
      {
        key: 'size',
        title: t('recordings.column.size'),
        track: 'minmax(80px, 0.6fr)',
        cell: (recording) => <Bytes bytes={recording.bytes} />,
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '110px',
        always: true,
        cell: (recording) => (
          <a
            className="quiet"
            href={castAddress(recording.id, 'v3', true)}
            aria-label={t('recordings.download.what', { name: recordingName(recording) })}
            download
          >
            {t('recordings.download')}
          </a>
        ),
      },
    ],
    [t],
  )
}
