import type { TFunction } from 'i18next'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../api/live.ts'
import { useRight } from '../api/me.ts'
import { currentLanguage } from '../i18n.ts'
import { Dialog } from '../parts/dialog.tsx'
import { changeSettings } from '../settings.ts'
import { useDesk, useViewState } from './desk.ts'
import { Failure } from './failure.tsx'
import { MAX_WAITING } from './input.ts'
import { type Paste, sizeWords } from './paste.ts'
import { KeyboardNotes } from './people.tsx'
import { mayType } from './rights.ts'
import type { Phase } from './socket.ts'
import { isFailure } from './ssh.ts'
import { useSecondsUntil } from './status.tsx'
import type { Notice, View, ViewState } from './view.ts'
import { Waits } from './waits.tsx'
import type { Leaf } from './workspace.ts'

/** Lines of a paste that are shown before it is sent. */
const SHOWN_LINES = 20
const SHOWN_ROWS = 12

/** Small things said over a terminal's edges; the screen below stays as it is. */
export function Notes({ pane, view }: { pane: Leaf; view: View | undefined }) {
  const { t } = useTranslation()
  const state = useViewState(pane.uid)
  const session = useLive().sessions.find((one) => one.uid === pane.uid)
  return (
    <>
      <Connection phase={state.phase} retry={() => view?.retry()} />
      <div className="notes" role="status">
        {state.below !== 'none' && (
          <button type="button" className="note below" onClick={() => view?.screen.terminal.scrollToBottom()}>
            {t(state.below === 'new' ? 'terminal.below.new' : 'terminal.below')}
          </button>
        )}
        {state.backlog && <Backlog backlog={state.backlog} cancel={() => view?.cancelInput()} />}
        {state.messages.map((message, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same words may be said twice
          <div key={at} className="note message">
            <span>{noticeWords(t, message)}</span>
            <button type="button" className="quiet" onClick={() => view?.forget(message)}>
              {t('terminal.notice.dismiss')}
            </button>
          </div>
        ))}
        <KeyboardNotes uid={pane.uid} session={session} />
        {state.notice?.kind === 'READ_ONLY' ? (
          <ReadOnlyNote pane={pane} dismiss={() => view?.dismiss()} />
        ) : (
          state.notice && (
            <Note
              text={noticeWords(t, state.notice)}
              level={state.notice.level}
              ends={state.notice.ends}
              action={t('terminal.notice.dismiss')}
              act={() => view?.dismiss()}
            />
          )
        )}
        <Waits uid={pane.uid} />
        <Ending phase={state.phase} pane={pane} />
      </div>
    </>
  )
}

function Note({
  text,
  level,
  ends,
  action,
  act,
}: {
  text: string
  level: Notice['level']
  ends: Notice['ends']
  action: string
  act: () => void
}) {
  return (
    <div className={level ? `note ${level}` : 'note'} role={level === 'error' ? 'alert' : undefined}>
      <span>
        {text} {ends && <Countdown ends={ends} />}
      </span>
      <button type="button" className="quiet" onClick={act}>
        {action}
      </button>
    </div>
  )
}

/** Seconds until then, on the clock of whoever looks: close enough for a notice. */
function Countdown({ ends }: { ends: string }) {
  const { t } = useTranslation()
  const left = () => Math.max(0, Math.ceil((Date.parse(ends) - Date.now()) / 1000))
  const [seconds, setSeconds] = useState(left)
  useEffect(() => {
    const timer = setInterval(() => setSeconds(left()), 500)
    return () => clearInterval(timer)
  })
  return <span className="number countdown">{t('terminal.notice.left', { seconds })}</span>
}

/** What one sees while there is no connection: small, and in the corner. */
function Connection({ phase, retry }: { phase: Phase; retry: () => void }) {
  const { t } = useTranslation()
  const seconds = useSecondsUntil(phase)
  if (phase.kind !== 'reconnecting' && phase.kind !== 'waiting') return null
  return (
    <div className="connection">
      <span>{t(`terminal.state.${phase.kind}`, { seconds })}</span>
      {phase.kind === 'reconnecting' && (
        <button type="button" className="quiet" onClick={retry}>
          {t('terminal.retry')}
        </button>
      )}
    </div>
  )
}

function Backlog({ backlog, cancel }: { backlog: NonNullable<ViewState['backlog']>; cancel: () => void }) {
  const { t } = useTranslation()
  const { waiting, total } = backlog
  return (
    <div className="note">
      <span>{t('terminal.backlog', { size: size(t, waiting) })}</span>
      {total > waiting && (
        <progress
          value={total - waiting}
          max={total}
          aria-label={t('terminal.backlog', { size: size(t, waiting) })}
        />
      )}
      <button type="button" className="quiet" onClick={cancel}>
        {t('terminal.backlog.cancel')}
      </button>
    </div>
  )
}

/** Why typing does nothing, and what would change that. */
function ReadOnlyNote({ pane, dismiss }: { pane: Leaf; dismiss: () => void }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const session = useLive().sessions.find((one) => one.uid === pane.uid)
  const { viewers, you } = useViewState(pane.uid)
  const holder = viewers.find((viewer) => viewer.keyboard)
  const mayWrite = !holder && pane.watch && mayType(session)
  const self = viewers.find((viewer) => viewer.id === you)
  const owner = session?.owner
  return (
    <div className="note">
      <span>
        {holder ? t('keyboard.elsewhere', { name: holder.client ?? '?' }) : t('terminal.notice.READ_ONLY')}
        {!holder && !mayWrite && owner && ` ${t('terminal.readonly.ask', { name: owner.username })}`}
      </span>
      {mayWrite && (
        <button type="button" className="quiet" onClick={() => desk.run('write')}>
          {t('terminal.menu.write')}
        </button>
      )}
      {self?.id !== undefined && !self.asks && !mayWrite && (
        <button
          type="button"
          className="quiet"
          onClick={() => void desk.askForKeyboard(pane.uid, self.id ?? 0).then(dismiss)}
        >
          {t('people.ask')}
        </button>
      )}
      <button type="button" className="quiet" onClick={dismiss}>
        {t('terminal.notice.dismiss')}
      </button>
    </div>
  )
}

function size(t: TFunction, bytes: number): string {
  const { key, n } = sizeWords(bytes)
  return t(key, { n })
}

const PLAIN = [
  'copied',
  'copy_failed',
  'nothing_selected',
  'paste_by_key',
  'full_screen_escape',
  'graphics_lost',
] as const

function noticeWords(t: TFunction, notice: Notice): string {
  const { kind, zh } = notice
  const text = currentLanguage() === 'zh-CN' ? zh || notice.text : notice.text
  const plain = PLAIN.find((one) => one === kind)
  if (plain) return t(`terminal.notice.${plain}`)
  switch (kind) {
    case 'full':
      return t('terminal.backlog.full', { size: size(t, MAX_WAITING) })
    case 'input_unknown':
      return t('terminal.notice.input_unknown', { count: Number(text) })
    case 'recording':
      return t('terminal.notice.recording', { text })
    case 'ending':
      return t('terminal.notice.ending', { text })
    case 'command':
      return text
    case 'unreachable':
      return t('error.unreachable')
    default:
      return t('terminal.notice.other', { text })
  }
}

/** What is left to do when there is nothing more to type into. */
function Ending({ phase, pane }: { phase: Phase; pane: Leaf }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const here = useRight('session_create')
  const session = useLive().sessions.find((one) => one.uid === pane.uid)
  const { dialling } = useViewState(pane.uid)
  const shells = here || session?.server
  if (phase.kind !== 'ended' && phase.kind !== 'closed') return null
  if (phase.kind === 'ended' && isFailure(phase.code, dialling)) {
    return <Failure pane={pane} server={session?.server ?? null} reason={dialling} />
  }
  return (
    <div className="note ending">
      <span>{endingWords(t, phase)}</span>
      {shells && (
        <button type="button" className="button primary" onClick={() => desk.again(pane.uid)}>
          {t('terminal.again')}
        </button>
      )}
      <button type="button" className="button" onClick={() => desk.close([pane.uid])}>
        {t('terminal.close')}
      </button>
    </div>
  )
}

function endingWords(t: TFunction, phase: Extract<Phase, { kind: 'ended' | 'closed' }>): string {
  if (phase.kind === 'closed') {
    if (phase.why === 'out') return t('terminal.out')
    return phase.why === 'gone' ? t('terminal.gone') : t('terminal.refused')
  }
  if (phase.signal) return t('terminal.ended.signal', { signal: phase.signal })
  return t('terminal.ended', { code: phase.code })
}

/** Shows what would be pasted. */
export function PasteQuestion({ paste, view }: { paste: Paste; view: View }) {
  const { t } = useTranslation()
  const { lines, removed } = paste
  const more = lines.length - SHOWN_LINES
  const answer = (yes: boolean) => {
    view.answerPaste(yes)
    view.focus()
  }
  return (
    <Dialog title={t('paste.title', { count: lines.length })} close={() => answer(false)} wide>
      <p className="soft">{t(view.takesPasteWhole ? 'paste.lead.whole' : 'paste.lead')}</p>
      <textarea
        className="paste"
        readOnly
        rows={Math.min(lines.length, SHOWN_ROWS)}
        wrap="off"
        aria-label={t('paste.lines')}
        value={lines.slice(0, SHOWN_LINES).join('\n')}
      />
      {more > 0 && <p className="soft">{t('paste.more', { count: more })}</p>}
      {removed > 0 && <p className="paste-removed">{t('paste.removed', { count: removed })}</p>}
      <label className="paste-again">
        <input
          type="checkbox"
          onChange={(event) => changeSettings({ terminal: { warnOnPaste: !event.target.checked } })}
        />
        {t('paste.never')}
      </label>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={() => answer(false)}>
          {t('paste.cancel')}
        </button>
        <button type="button" className="button primary" data-first onClick={() => answer(true)}>
          {t('paste.confirm')}
        </button>
      </div>
    </Dialog>
  )
}
