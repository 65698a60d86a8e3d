import { Button, Modal } from 'antd'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { createSession, Problem } from '../api/client.ts'
import { go, terminalAddress } from '../router.ts'
import { MAX_WAITING } from './input.ts'
import { type Paste, sizeWords } from './paste.ts'
import type { Phase } from './socket.ts'
import type { TerminalActions, TerminalState } from './use-terminal.ts'

/** Lines of a paste that are shown before it is sent. */
const SHOWN_LINES = 20

/** Small things said over the terminal's lower edge; the screen below stays as it is. */
export function Notes({ state, actions }: { state: TerminalState; actions: TerminalActions }) {
  const { t } = useTranslation()
  return (
    <div className="notes" role="status">
      {state.backlog !== null && (
        <Note
          text={t('terminal.backlog', { size: size(t, state.backlog) })}
          action={t('terminal.backlog.cancel')}
          act={actions.cancelInput}
        />
      )}
      {state.notice && (
        <Note
          text={noticeWords(t, state.notice)}
          action={t('terminal.notice.dismiss')}
          act={actions.dismiss}
        />
      )}
      <Ending phase={state.phase} />
    </div>
  )
}

function Note({ text, action, act }: { text: string; action: string; act: () => void }) {
  return (
    <div className="note">
      <span>{text}</span>
      <button type="button" className="quiet" onClick={act}>
        {action}
      </button>
    </div>
  )
}

function size(t: TFunction, bytes: number): string {
  const { key, n } = sizeWords(bytes)
  return t(key, { n })
}

function noticeWords(t: TFunction, { kind, text }: { kind: string; text: string }): string {
  switch (kind) {
    case 'full':
      return t('terminal.backlog.full', { size: size(t, MAX_WAITING) })
    case 'input_unknown':
      return t('terminal.notice.input_unknown', { count: Number(text) })
    case 'READ_ONLY':
      return t('terminal.notice.READ_ONLY')
    case 'recording':
      return t('terminal.notice.recording', { text })
    case 'ending':
      return t('terminal.notice.ending', { text })
    default:
      return t('terminal.notice.other', { text })
  }
}

/** What is left to do when there is nothing more to type into. */
function Ending({ phase }: { phase: Phase }) {
  const { t } = useTranslation()
  const [failed, setFailed] = useState('')
  if (phase.kind !== 'ended' && phase.kind !== 'closed') return null
  const again = () => {
    createSession().then(
      (session) => go(terminalAddress(session.uid)),
      (problem: unknown) => {
        if (!(problem instanceof Problem)) throw problem
        setFailed(problem.message || t('error.unreachable'))
      },
    )
  }
  return (
    <div className="note ending">
      <span>{failed || endingWords(t, phase)}</span>
      <Button size="small" type="primary" onClick={again}>
        {t('terminal.again')}
      </Button>
      <Button size="small" onClick={() => go('/')}>
        {t('terminal.close')}
      </Button>
    </div>
  )
}

function endingWords(t: TFunction, phase: Extract<Phase, { kind: 'ended' | 'closed' }>): string {
  if (phase.kind === 'closed') return phase.why === 'gone' ? t('terminal.gone') : t('terminal.refused')
  if (phase.signal) return t('terminal.ended.signal', { signal: phase.signal })
  return t('terminal.ended', { code: phase.code })
}

interface PasteProps {
  paste: Paste | null
  answer: (yes: boolean) => void
  /** The question is gone from the screen. */
  closed: () => void
}

export function PasteQuestion({ paste, answer, closed }: PasteProps) {
  const { t } = useTranslation()
  const lines = paste?.lines ?? []
  const more = lines.length - SHOWN_LINES
  return (
    <Modal
      open={paste !== null}
      title={t('paste.title', { count: lines.length })}
      okText={t('paste.confirm')}
      cancelText={t('paste.cancel')}
      okButtonProps={{ autoFocus: true }}
      onOk={() => answer(true)}
      onCancel={() => answer(false)}
      afterClose={closed}
      width={640}
    >
      <p className="soft">{t('paste.lead')}</p>
      <pre className="paste">{lines.slice(0, SHOWN_LINES).join('\n')}</pre>
      {more > 0 && <p className="soft">{t('paste.more', { count: more })}</p>}
    </Modal>
  )
}
