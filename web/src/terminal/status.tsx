import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Session } from '../api/types.ts'
import { Dot, type Tone } from '../parts/state.tsx'
import { filesAddress } from '../router.ts'
import { useDesk, useViewState } from './desk.ts'
import type { ViewerInfo } from './frames.ts'
import { mayManage, mayType } from './rights.ts'
import type { Phase } from './socket.ts'
import type { Leaf } from './workspace.ts'

const TONES: Record<Phase['kind'], Tone> = {
  connecting: 'wait',
  live: 'good',
  waiting: 'wait',
  reconnecting: 'wait',
  ended: 'done',
  closed: 'bad',
}

/** What commands a session may run is judged, and how surely: `none` where nothing judges. */
const LABELS = ['enforced', 'enforced_session', 'gated', 'line', 'watched', 'none'] as const
type Label = (typeof LABELS)[number]

/** How the commands of a session are judged. */
interface Control {
  label: string
  layers?: string[]
  missing?: { layer: string; cause: string }[]
  /** With it no program starts any more. */
  failure?: string | null
}

/** The thin line under the terminals: the one in focus. */
export function StatusLine({
  pane,
  session,
  name,
}: {
  pane: Leaf
  session: Session | undefined
  name: string
}) {
  const { t } = useTranslation()
  const state = useViewState(pane.uid)
  const { phase, size, roundTrip, viewers } = state
  const seconds = useSecondsUntil(phase)
  const readOnly = !state.write
  const words = phase.kind === 'live' && readOnly ? 'watching' : phase.kind
  return (
    <footer className="status">
      <span className="status-state" role="status">
        <Dot tone={TONES[phase.kind]}>{t(`terminal.state.${words}`, { seconds })}</Dot>
      </span>
      <strong className="status-name">{name}</strong>
      {session &&
        (session.server ? (
          <span className="status-account soft" title={t('terminal.server.title')}>
            {session.owner && `${session.owner.username} → `}
            {session.server.name}
            {mayManage(session) && (
              <a
                className="status-files"
                href={filesAddress(session.server.id)}
                target="_blank"
                rel="noreferrer"
              >
                {t('files.title')}
              </a>
            )}
          </span>
        ) : (
          <span className="status-account soft" title={t('terminal.account.title')}>
            {session.account}
          </span>
        ))}
      {readOnly && phase.kind === 'live' && <ReadOnly pane={pane} session={session} />}
      <span className="gap" />
      {session && <LabelBadge session={session} />}
      {session && <RecordingDot recording={session.recording} />}
      {phase.kind === 'live' && <Viewers viewers={viewers} />}
      {roundTrip !== null && phase.kind === 'live' && (
        <span className="number status-time" title={t('terminal.roundtrip.title')}>
          {t('terminal.roundtrip', { ms: roundTrip })}
        </span>
      )}
      {size && (
        <span className="number status-size" title={t('terminal.size.title')}>
          {t('terminal.size', size)}
        </span>
      )}
    </footer>
  )
}

function ReadOnly({ pane, session }: { pane: Leaf; session: Session | undefined }) {
  const { t } = useTranslation()
  const desk = useDesk()
  return (
    <>
      <span className="badge" title={t('terminal.readonly.title')}>
        {t('terminal.readonly')}
      </span>
      {pane.watch && mayType(session) && (
        <button type="button" className="quiet" onClick={() => desk.run('write')}>
          {t('terminal.menu.write')}
        </button>
      )}
    </>
  )
}

function LabelBadge({ session }: { session: Session }) {
  const { t } = useTranslation()
  const { control } = session as { control?: Control | null }
  const said = control?.label ?? 'none'
  // A label of a newer server promises no more than that somebody looks.
  const label: Label = LABELS.find((one) => one === said) ?? 'watched'
  const more = [
    control?.failure,
    control?.layers?.length && t('terminal.label.layers', { layers: control.layers.join(', ') }),
    ...(control?.missing ?? []).map((one) => t('terminal.label.missing', { ...one })),
  ].filter(Boolean)
  return (
    <span className="status-label soft" title={[t(`terminal.label.${label}.title`), ...more].join('\n')}>
      {control?.failure ? <Dot tone="bad">{t('terminal.label.failed')}</Dot> : t(`terminal.label.${label}`)}
    </span>
  )
}

const RECORDING: Record<Session['recording']['state'], Tone> = {
  recording: 'bad',
  stalled: 'wait',
  failed: 'bad',
  closed: 'done',
  off: 'done',
}

function RecordingDot({ recording: { state, reason } }: { recording: Session['recording'] }) {
  const { t } = useTranslation()
  const words = t(`recording.${state}`)
  const title = reason ? `${words}: ${reason}` : t(`terminal.recording.${state}`)
  return (
    <span className={`status-recording ${state}`} title={title}>
      <Dot tone={RECORDING[state]}>{words}</Dot>
    </span>
  )
}

/** Initials that are shown; the rest is a number. */
const SHOWN = 4

function Viewers({ viewers }: { viewers: ViewerInfo[] }) {
  const { t } = useTranslation()
  const desk = useDesk()
  if (viewers.length === 0) return null
  const open = () => {
    // Where the keys are to go when the list is closed.
    desk.view?.focus()
    desk.ask('people')
  }
  const writers = viewers.filter((viewer) => viewer.write).length
  const names = viewers.map((viewer) => viewerName(viewer) ?? t('terminal.viewer.unknown'))
  const list = viewers.map((viewer, at) =>
    t(viewer.write ? 'terminal.viewer.writes' : 'terminal.viewer.watches', { name: names[at] }),
  )
  const count = t('terminal.viewers', { count: viewers.length })
  const title = [t('terminal.viewers.title', { writers }), ...list].join('\n')
  const named = viewers.some((viewer) => viewerName(viewer) !== null)
  return (
    <button type="button" className="quiet status-viewers" title={title} onClick={open}>
      {named &&
        viewers.slice(0, SHOWN).map((viewer, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: one person may look on twice
          <span key={at} className={viewer.write ? 'initials writes' : 'initials'} aria-hidden="true">
            {initials(names[at] ?? '')}
          </span>
        ))}
      {viewers.length > SHOWN && named && <span aria-hidden="true">+{viewers.length - SHOWN}</span>}
      <span className={named ? 'unseen' : undefined}>{named ? `${count}: ${list.join(', ')}` : count}</span>
    </button>
  )
}

/** Who it is, or what it is: a user name, or the name that another client of the daemon gave. */
function viewerName(viewer: ViewerInfo): string | null {
  return viewer.client
}

/** Two letters of a user name, or one Chinese character. */
export function initials(name: string): string {
  const parts = name.split(/[\s._-]+/).filter(Boolean)
  const [first = '', second] = parts
  const one = [...first]
  if (/\p{Script=Han}/u.test(one[0] ?? '')) return one.at(-1) ?? ''
  const two = second ? [one[0], [...second][0]] : one.slice(0, 2)
  return two.join('').toUpperCase()
}

/** Counts down to the next try. */
export function useSecondsUntil(phase: Phase): number {
  const [now, setNow] = useState(() => performance.now())
  const counting = phase.kind === 'reconnecting'
  useEffect(() => {
    if (!counting) return
    setNow(performance.now())
    const timer = setInterval(() => setNow(performance.now()), 500)
    return () => clearInterval(timer)
  }, [counting])
  return counting ? Math.max(0, Math.ceil((phase.at - now) / 1000)) : 0
}
