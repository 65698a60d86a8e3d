import '@xterm/xterm/css/xterm.css'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../api/live.ts'
import { sessionName } from '../api/types.ts'
import { useDark } from '../parts/appearance.ts'
import { Notes, PasteQuestion } from '../terminal/notes.tsx'
import { StatusLine } from '../terminal/status.tsx'
import { useTerminal } from '../terminal/use-terminal.ts'

/** One session, over the whole window. Another `uid` is another page: it has its own `key`. */
export function TerminalPage({ uid, watch }: { uid: string; watch: boolean }) {
  const { t } = useTranslation()
  const dark = useDark()
  const session = useLive().sessions.find((one) => one.uid === uid)
  const element = useRef<HTMLDivElement>(null)
  const [state, actions] = useTerminal(element, { uid, watch, dark })
  const name = session ? sessionName(session) : uid.slice(-8)
  const away = state.phase.kind === 'reconnecting' || state.phase.kind === 'waiting'

  return (
    <div className="terminal-page">
      <title>{`${state.title || name} · Bastide`}</title>
      <section
        className={away ? 'terminal-space away' : 'terminal-space'}
        aria-label={t('terminal.label', { name })}
      >
        <div className="terminal-fit" ref={element} />
        <Notes state={state} actions={actions} />
      </section>
      <StatusLine name={name} state={state} recording={session?.recording ?? null} retry={actions.retry} />
      <PasteQuestion
        paste={state.paste}
        answer={actions.answerPaste}
        closed={() => element.current?.querySelector('textarea')?.focus()}
      />
    </div>
  )
}
