// The second step of logging in: a code of an app, a passkey, a recovery code, or the app is set up first.

import { Button } from 'antd'
import { type FormEvent, type ReactNode, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import { askPasskey, offerEnrolment, type SecondFactor, takeCode, takePasskey } from '../api/factors.ts'
import { AppSetup } from '../parts/app-setup.tsx'
import { CodeField } from '../parts/code-field.tsx'
import { Field } from '../parts/field.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { askForPasskey, GIVEN_UP, hasPasskeys } from '../parts/passkey.ts'
import { RecoveryCodes } from '../parts/recovery-codes.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'

/** Takes the first step: null when it was enough. */
export async function tryFirstStep(step: () => Promise<unknown>): Promise<SecondFactor | null> {
  try {
    await step()
    return null
  } catch (error) {
    if (error instanceof Problem && error.secondFactor) return error.secondFactor
    throw error
  }
}

export function SecondStep({
  needed,
  done,
  back,
}: {
  needed: SecondFactor
  /** They are in. */
  done: () => Promise<void>
  /** To the first step. */
  back: () => void
}) {
  const { t } = useTranslation()
  const has = (way: SecondFactor['ways'][number]) => needed.ways.includes(way)
  const usual = has('enrol') ? 'enrol' : has('totp') ? 'totp' : has('passkey') ? 'passkey' : 'recovery'
  const [way, setWay] = useState(usual)
  const [codes, setCodes] = useState<string[] | null>(null)
  const { busy, problem, run, clear } = useAction()
  const choose = (other: typeof way) => {
    clear()
    setWay(other)
  }
  const enter = (code: string) =>
    run(async () => {
      const taken = await takeCode(needed.token, code)
      if (taken.recovery_codes) setCodes(taken.recovery_codes)
      else await done()
    })
  const passkey = () =>
    run(async () => {
      const { options } = await askPasskey(needed.token)
      await takePasskey(needed.token, await askForPasskey(options))
      await done()
    })
  if (codes) {
    return (
      <section className="card">
        <h1>{t('factors.codes')}</h1>
        <RecoveryCodes codes={codes} done={() => void done()} />
      </section>
    )
  }
  if (problem?.kind === 'begin_again') {
    return (
      <section className="card">
        <h1>{t('second.title')}</h1>
        <Notice tone="bad">{t('second.over')}</Notice>
        <Button type="primary" onClick={back}>
          {t('second.again')}
        </Button>
      </section>
    )
  }
  const wrong = problem?.kind === 'bad_code'
  const locked = problem?.kind === 'codes_locked'
  return (
    <section className="card" aria-labelledby="second-title">
      <img src="/icon.svg" width="36" height="36" alt="" />
      <h1 id="second-title">{t(way === 'enrol' ? 'second.enrol' : 'second.title')}</h1>
      {locked && <Notice tone="bad">{t('second.locked')}</Notice>}
      {problem && !wrong && !locked && problem.kind !== GIVEN_UP && <ProblemNotice problem={problem} />}
      {way === 'enrol' && <Enrol token={needed.token} enter={enter} wrong={wrong} busy={busy} />}
      {way === 'totp' && <Code enter={enter} wrong={wrong} busy={busy} />}
      {way === 'recovery' && <Recovery enter={enter} wrong={wrong} busy={busy} />}
      {way === 'passkey' && (
        <>
          {wrong && <Notice tone="bad">{t('second.passkey.wrong')}</Notice>}
          <p className="soft">{t(hasPasskeys() ? 'second.passkey.lead' : 'second.passkey.none')}</p>
          <Button type="primary" block loading={busy} disabled={!hasPasskeys()} onClick={passkey}>
            {t('second.passkey')}
          </Button>
        </>
      )}
      <div className="others">
        {way !== 'totp' && has('totp') && (
          <button type="button" className="quiet" onClick={() => choose('totp')}>
            {t('second.use.totp')}
          </button>
        )}
        {way !== 'passkey' && has('passkey') && (
          <button type="button" className="quiet" onClick={() => choose('passkey')}>
            {t('second.use.passkey')}
          </button>
        )}
        {way !== 'recovery' && has('recovery') && (
          <button type="button" className="quiet" onClick={() => choose('recovery')}>
            {t('second.use.recovery')}
          </button>
        )}
        <button type="button" className="quiet" onClick={back}>
          {t('second.back')}
        </button>
      </div>
    </section>
  )
}

interface Entering {
  enter: (code: string) => void
  wrong: boolean
  busy: boolean
}

/** What is typed, and the button that sends it. */
function CodeForm({
  enter,
  busy,
  ready,
  children,
}: Omit<Entering, 'wrong'> & {
  ready: (code: string) => boolean
  children: (code: string, change: (code: string) => void) => ReactNode
}) {
  const { t } = useTranslation()
  const [code, setCode] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    enter(code)
  }
  return (
    <form className="form" onSubmit={submit}>
      {children(code, setCode)}
      <Button type="primary" htmlType="submit" block loading={busy} disabled={!ready(code)}>
        {t('login.submit')}
      </Button>
    </form>
  )
}

function Code({ wrong, ...entering }: Entering) {
  const { t } = useTranslation()
  return (
    <CodeForm {...entering} ready={(code) => code.length === 6}>
      {(code, change) => <CodeField code={code} change={change} error={wrong ? t('second.wrong') : null} />}
    </CodeForm>
  )
}

function Recovery({ wrong, ...entering }: Entering) {
  const { t } = useTranslation()
  return (
    <CodeForm {...entering} ready={(code) => code.trim().length >= 16}>
      {(code, change) => (
        <Field
          label={t('second.recovery')}
          hint={t('second.recovery.hint')}
          autoComplete="off"
          autoCapitalize="none"
          autoFocus
          required
          spellCheck={false}
          value={code}
          onChange={(event) => change(event.target.value)}
          error={wrong ? t('second.wrong') : null}
        />
      )}
    </CodeForm>
  )
}

function Enrol({ token, ...entering }: Entering & { token: string }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => offerEnrolment(token), [token]))
  return (
    <>
      <p className="soft">{t('second.enrol.lead')}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {data && (
        <>
          <AppSetup offer={data} />
          <Code {...entering} />
        </>
      )}
    </>
  )
}
