import { Button } from 'antd'
import { type FormEvent, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { logIn, type Problem } from '../api/client.ts'
import { askAnyPasskey, logInByPasskey, type SecondFactor } from '../api/factors.ts'
import { meStore } from '../api/me.ts'
import { LanguageChoice } from '../frame/language.tsx'
import { Command } from '../parts/command.tsx'
import { Field } from '../parts/field.tsx'
import { Notice, useProblemWords } from '../parts/notice.tsx'
import { askForPasskey, GIVEN_UP, hasPasskeys } from '../parts/passkey.ts'
import { useAction } from '../parts/use-load.ts'
import { SecondStep, tryFirstStep } from './second-step.tsx'
import { SignOn, SignOnRefused } from './sign-on.tsx'

/** Then the page goes where the person wanted to be: its address says where. */
export function LoginPage() {
  const { t } = useTranslation()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const { busy, problem, run } = useAction()
  const wait = useWait(problem)
  const words = useProblemWords()
  const [needed, setNeeded] = useState<SecondFactor | null>(null)
  const wrong = problem?.kind === 'bad_credentials'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      const second = await tryFirstStep(() => logIn(username.trim(), password))
      setPassword('')
      if (second) setNeeded(second)
      else await meStore.load()
    })
  }
  const passkey = () =>
    run(async () => {
      const { id, options } = await askAnyPasskey()
      await logInByPasskey(id, await askForPasskey(options))
      await meStore.load()
    })
  if (needed) {
    return (
      <main className="centre">
        <title>{`${t('login.title')} · Bastide`}</title>
        <SecondStep needed={needed} done={() => meStore.load()} back={() => setNeeded(null)} />
        <LanguageChoice />
      </main>
    )
  }
  return (
    <main className="centre">
      <title>{`${t('login.title')} · Bastide`}</title>
      <form className="card" onSubmit={submit} aria-labelledby="login-title">
        <img src="/icon.svg" width="36" height="36" alt="" />
        <h1 id="login-title">{t('login.title')}</h1>
        <SignOnRefused />
        {problem && !wrong && wait === null && problem.kind !== GIVEN_UP && (
          <Notice tone="bad">
            {problem.kind === 'bad_code' ? t('second.passkey.wrong') : words(problem)}
          </Notice>
        )}
        {wait !== null && (
          <Notice tone="wait">{wait > 0 ? t('login.wait', { count: wait }) : t('login.waited')}</Notice>
        )}
        <Field
          label={t('login.username')}
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          autoFocus
          required
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
        <Field
          label={t('login.password')}
          name="password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={wrong ? t('login.wrong') : null}
        />
        <Button type="primary" htmlType="submit" block loading={busy} disabled={(wait ?? 0) > 0}>
          {t('login.submit')}
        </Button>
        {hasPasskeys() && (
          <Button block disabled={busy || (wait ?? 0) > 0} onClick={passkey}>
            {t('login.passkey')}
          </Button>
        )}
        <SignOn />
        <details className="aside">
          <summary>{t('login.forgotten')}</summary>
          <p className="soft">{t('login.lead')}</p>
          <Command text="bastide login-link" />
        </details>
      </form>
      <LanguageChoice />
    </main>
  )
}

/** Seconds until another try may be made; null when nothing has to be waited for. */
function useWait(problem: Problem | null): number | null {
  const retryAfter = problem?.status === 429 ? problem.retryAfter : null
  const [left, setLeft] = useState<number | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another refusal with the same number starts again
  useEffect(() => {
    setLeft(retryAfter)
    if (retryAfter === null) return
    const until = Date.now() + retryAfter * 1000
    const timer = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000))
      setLeft(seconds)
      if (seconds === 0) clearInterval(timer)
    }, 1_000)
    return () => clearInterval(timer)
  }, [retryAfter, problem])
  return retryAfter === null ? null : left
}
