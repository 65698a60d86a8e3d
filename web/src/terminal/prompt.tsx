import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { subscribeTime } from '../parts/appearance.ts'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { useViewState } from './desk.ts'
import type { Prompt } from './frames.ts'
import { secondsLeft } from './ssh.ts'
import type { View } from './view.ts'

/** A countdown is shown when so many seconds are left. */
const SOON = 60

/**
 * What has to be answered before the shell is there. It lies over its own pane only, and takes the focus only
 * when that is the pane one works in: several of them may wait, each on its own tab.
 */
export function PromptAsked({ uid, view, active }: { uid: string; view: View | undefined; active: boolean }) {
  const { prompts, phase } = useViewState(uid)
  const [prompt] = prompts
  const asking = prompt !== undefined
  // When the last one is gone, what is typed is for the shell.
  const asked = useRef(false)
  useEffect(() => {
    if (asked.current && !asking && active) view?.focus()
    asked.current = asking
  }, [asking, active, view])
  if (!prompt || !view) return null
  return (
    <Question
      key={prompt.prompt_id}
      prompt={prompt}
      more={prompts.length - 1}
      view={view}
      active={active}
      live={phase.kind === 'live'}
    />
  )
}

interface QuestionProps {
  prompt: Prompt
  more: number
  view: View
  active: boolean
  live: boolean
}

function Question({ prompt, more, view, active, live }: QuestionProps) {
  const { t } = useTranslation()
  const id = useId()
  const box = useRef<HTMLFormElement>(null)
  const [text, setText] = useState('')
  const key = prompt.kind === 'host_key'
  const label = prompt.kind === 'host_key' ? '' : t(`prompt.label.${prompt.kind}`)
  useEffect(() => {
    // Somebody may be typing elsewhere: in a dialog, in the find bar, in another pane.
    const { activeElement } = document
    const pane = box.current?.closest('.pane')
    const free = !activeElement || activeElement === document.body || pane?.contains(activeElement)
    if (active && free) box.current?.querySelector<HTMLElement>('[data-asks]')?.focus()
  }, [active])
  const refuse = () => view.answer(prompt, { accept: false })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    view.answer(prompt, key ? { accept: true } : { answer: text })
  }
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    refuse()
  }
  return (
    <form
      ref={box}
      className={`prompt ${prompt.kind}`}
      // An element `dialog` would take the keys of the other panes
      role="dialog"
      aria-labelledby={`${id}t`}
      aria-describedby={`${id}d`}
      onSubmit={submit}
      onKeyDown={pressed}
    >
      {/* Not a button: an Enter that was meant for the shell must accept no key. */}
      <h2 id={`${id}t`} tabIndex={-1} data-asks={key ? '' : undefined}>
        {t(`prompt.title.${prompt.kind}`, { server: prompt.server })}
      </h2>
      <div id={`${id}d`}>
        {prompt.kind === 'host_key' ? (
          <HostKeyFacts prompt={prompt} />
        ) : (
          prompt.kind === 'question' && (
            <p className="prompt-server">{t('prompt.asks', { server: prompt.server })}</p>
          )
        )}
      </div>
      {!key && (
        <div className="field">
          <label htmlFor={`${id}f`}>{prompt.text.trim() || label}</label>
          <input
            id={`${id}f`}
            className="input"
            data-asks=""
            type={prompt.echo ? 'text' : 'password'}
            autoComplete={prompt.kind === 'question' ? 'one-time-code' : 'off'}
            autoCapitalize="none"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
      )}
      <div className="prompt-actions">
        <Countdown expires={prompt.expires} more={more} />
        <button type="button" className="button" onClick={refuse}>
          {t(key ? 'prompt.refuse' : 'form.cancel')}
        </button>
        <button type="submit" className="button primary" disabled={!live}>
          {t(key ? 'prompt.accept' : 'prompt.answer')}
        </button>
      </div>
    </form>
  )
}

function HostKeyFacts({ prompt }: { prompt: Prompt }) {
  const { t } = useTranslation()
  const { key } = prompt
  return (
    <>
      <p>{t('prompt.host_key.lead')}</p>
      {key && (
        <dl className="prompt-key">
          <dt>{t('servers.column.address')}</dt>
          <dd>
            <code>
              {key.host}:{key.port}
            </code>
          </dd>
          <dt>{t('servers.fingerprint')}</dt>
          <dd>
            <Fingerprint algorithm={key.algorithm} fingerprint={key.fingerprint} />
          </dd>
        </dl>
      )}
      <p className="soft">{t('prompt.host_key.how')}</p>
    </>
  )
}

function Countdown({ expires, more }: { expires: string; more: number }) {
  const { t } = useTranslation()
  const [now, setNow] = useState(Date.now)
  useEffect(() => subscribeTime(1_000, () => setNow(Date.now())), [])
  const seconds = secondsLeft(expires, now)
  return (
    <span className="prompt-left soft number">
      {seconds <= SOON && t('prompt.left', { seconds })} {more > 0 && t('prompt.more', { count: more })}
    </span>
  )
}
