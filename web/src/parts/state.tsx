import { useTranslation } from 'react-i18next'
import type { Session } from '../api/types.ts'

export type Tone = 'good' | 'done' | 'wait' | 'bad'

/** A dot and a word: never colour alone. */
export function Dot({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={`dot ${tone}`}>
      <i aria-hidden="true" />
      {children}
    </span>
  )
}

/** SIGHUP and SIGTERM: somebody ended it. */
const ASKED_TO_END = [1, 15]

export function State({ session }: { session: Pick<Session, 'state' | 'exit'> }) {
  const { t } = useTranslation()
  if (session.state === 'connecting') return <Dot tone="wait">{t('state.connecting')}</Dot>
  if (session.state === 'running') return <Dot tone="good">{t('state.running')}</Dot>
  const { exit } = session
  if (!exit) return <Dot tone="done">{t('state.ended')}</Dot>
  const good = exit.code === 0 || ASKED_TO_END.includes(exit.signal ?? 0)
  const words = exit.signal
    ? t('state.ended.signal', { signal: exit.signal })
    : t('state.ended.code', { code: exit.code })
  return (
    <span title={words}>
      <Dot tone={good ? 'done' : 'bad'}>{good ? t('state.ended') : words}</Dot>
    </span>
  )
}

const RECORDING: Record<Session['recording']['state'], Tone> = {
  recording: 'good',
  stalled: 'wait',
  failed: 'bad',
  closed: 'done',
  off: 'done',
}

export function Recording({ recording }: { recording: Session['recording'] }) {
  const { t } = useTranslation()
  return (
    <span title={recording.reason ?? undefined}>
      <Dot tone={RECORDING[recording.state]}>{t(`recording.${recording.state}`)}</Dot>
    </span>
  )
}
