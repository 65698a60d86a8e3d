import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Session } from '../api/types.ts'
import { BackIcon } from '../parts/icons.tsx'
import { Link } from '../parts/link.tsx'
import { Dot, Recording, type Tone } from '../parts/state.tsx'
import type { Phase } from './socket.ts'
import type { TerminalState } from './use-terminal.ts'

const TONES: Record<Phase['kind'], Tone> = {
  connecting: 'wait',
  live: 'good',
  waiting: 'wait',
  reconnecting: 'wait',
  ended: 'done',
  closed: 'bad',
}

export interface StatusProps {
  name: string
  state: TerminalState
  recording: Session['recording'] | null
  retry: () => void
}

/** The thin line under a terminal. */
export function StatusLine({ name, state, recording, retry }: StatusProps) {
  const { t } = useTranslation()
  const { phase, size, roundTrip, viewers, write } = state
  const seconds = useSecondsUntil(phase)
  const words = phase.kind === 'live' && !write ? 'watching' : phase.kind
  const writers = viewers.filter((viewer) => viewer.write).length
  return (
    <footer className="status">
      <Link href="/" className="quiet back" aria-label={t('terminal.back')} title={t('terminal.back')}>
        <BackIcon />
      </Link>
      <span className="status-state" role="status">
        <Dot tone={TONES[phase.kind]}>{t(`terminal.state.${words}`, { seconds })}</Dot>
      </span>
      {phase.kind === 'reconnecting' && (
        <button type="button" className="quiet" onClick={retry}>
          {t('terminal.retry')}
        </button>
      )}
      <strong className="status-name">{name}</strong>
      {state.title && <span className="status-title soft">{state.title}</span>}
      <span className="gap" />
      {recording && <Recording recording={recording} />}
      {viewers.length > 0 && (
        <span title={t('terminal.viewers.title', { writers })}>
          {t('terminal.viewers', { count: viewers.length })}
        </span>
      )}
      {roundTrip !== null && phase.kind === 'live' && (
        <span className="number" title={t('terminal.roundtrip.title')}>
          {t('terminal.roundtrip', { ms: roundTrip })}
        </span>
      )}
      {size && (
        <span className="number" title={t('terminal.size.title')}>
          {t('terminal.size', size)}
        </span>
      )}
    </footer>
  )
}

function useSecondsUntil(phase: Phase): number {
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
