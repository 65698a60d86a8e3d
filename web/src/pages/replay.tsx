import { useCallback, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { castAddress, getCast, getRecording, Problem } from '../api/client.ts'
import { type Recording, recordingName } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Bytes } from '../parts/bytes.tsx'
import { Copy } from '../parts/copy.tsx'
import { durationWords } from '../parts/duration.ts'
import { Link } from '../parts/link.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { type Cast, CastError, readCast } from '../replay/cast.ts'
import { Replay } from '../replay/replay.tsx'
import { Timeline, useVerdicts } from '../replay/timeline.tsx'
import { Missing } from './missing.tsx'
import { RecordingState } from './recordings.tsx'

export function ReplayPage({ id, at }: { id: string; at: number }) {
  const { t } = useTranslation()
  const { data: recording, problem, reload } = useLoad(useCallback(() => getRecording(id), [id]))
  if (problem?.status === 404) return <Missing what="recording" />
  if (!recording) {
    return problem ? (
      <ProblemNotice problem={problem} retry={reload} />
    ) : (
      <p className="loading soft">{t('frame.loading')}</p>
    )
  }
  const name = recordingName(recording)
  return (
    <>
      <title>{`${name} · ${t('recordings.title')} · Bastide`}</title>
      <header className="page-head">
        <h1>
          <Link href="/recordings">{t('recordings.title')}</Link>
          <span className="soft" aria-hidden="true">
            {' / '}
          </span>
          {name}
        </h1>
        <span className="gap" />
        <a className="quiet" href={castAddress(id, 'v3', true)} download>
          {t('replay.download', { version: 'v3' })}
        </a>
        <a className="quiet" href={castAddress(id, 'v2', true)} download>
          {t('replay.download', { version: 'v2' })}
        </a>
      </header>
      {(recording.state === 'failed' || recording.state === 'lost') && (
        <Notice tone="wait">{t(`recordings.state.${recording.state}.title`)}</Notice>
      )}
      <Play recording={recording} at={at} />
      <About recording={recording} />
    </>
  )
}

type Got = { cast: Cast } | { problem: Problem } | { broken: true } | null

function Play({ recording: { id, started }, at }: { recording: Recording; at: number }) {
  const { t } = useTranslation()
  const verdicts = useVerdicts(id)
  const [got, setGot] = useState<Got>(null)
  const [asked, setAsked] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` is another try
  useEffect(() => {
    const leaving = new AbortController()
    getCast(id, leaving.signal).then(
      (text) => {
        if (leaving.signal.aborted) return
        try {
          setGot({ cast: readCast(text) })
        } catch (error) {
          if (!(error instanceof CastError)) throw error
          setGot({ broken: true })
        }
      },
      (error: unknown) => {
        if (leaving.signal.aborted) return
        if (!(error instanceof Problem)) throw error
        setGot({ problem: error })
      },
    )
    return () => leaving.abort()
  }, [id, asked])
  if (!got) return <p className="loading soft">{t('replay.loading')}</p>
  if ('problem' in got)
    return <ProblemNotice problem={got.problem} retry={() => setAsked((before) => before + 1)} />
  if ('broken' in got) return <Notice tone="bad">{t('replay.broken')}</Notice>
  if (got.cast.events.length === 0) return <Notice tone="wait">{t('replay.empty')}</Notice>
  return (
    <Replay
      cast={got.cast}
      startAt={at}
      id={id}
      beside={(goTo, now) =>
        verdicts.length > 0 && <Timeline verdicts={verdicts} started={started} now={now} goTo={goTo} />
      }
    />
  )
}

function About({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const { id, owner, account, command, started, duration_ms, cols, rows, bytes, state, exit } = recording
  const facts: [string, React.ReactNode][] = [
    [t('home.column.state'), <RecordingState key="state" state={state} />],
    [t('home.column.owner'), owner?.username ?? '–'],
    [t('recordings.column.account'), <code key="account">{account}</code>],
    [t('replay.command'), <code key="command">{command.join(' ') || '–'}</code>],
    [t('recordings.column.started'), <Ago key="started" at={started} />],
    [t('recordings.column.length'), durationWords(duration_ms)],
    [t('replay.size'), t('terminal.size', { cols, rows })],
    [t('recordings.column.size'), <Bytes key="bytes" bytes={bytes} />],
    ...(exit
      ? ([
          [
            t('replay.exit'),
            exit.signal
              ? t('state.ended.signal', { signal: exit.signal })
              : t('state.ended.code', { code: exit.code ?? 0 }),
          ],
        ] as [string, string][])
      : []),
    [
      t('home.column.id'),
      <span key="id" className="id">
        <code>{id}</code>
        <Copy text={id} what={t('home.column.id')} />
      </span>,
    ],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
