// A login link: looking at it uses nothing up; its button does.

import { Button } from 'antd'
import { type FormEvent, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { applyLink, type LookedAt, lookAtLink } from '../api/client.ts'
import type { SecondFactor } from '../api/factors.ts'
import { meStore } from '../api/me.ts'
import { LanguageChoice } from '../frame/language.tsx'
import { Command } from '../parts/command.tsx'
import { NewPassword, passwordsFit } from '../parts/new-password.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Until } from '../parts/until.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { goInstead } from '../router.ts'
import { SecondStep, tryFirstStep } from './second-step.tsx'

export function LinkPage({ token }: { token: string }) {
  const { t } = useTranslation()
  const look = useLoad(useCallback(() => lookAtLink(token), [token]))
  return (
    <main className="centre">
      <title>{`${t('link.title')} · Bastide`}</title>
      {look.data ? (
        <UseLink token={token} link={look.data} />
      ) : look.problem?.kind === 'link_refused' ? (
        <Refused />
      ) : (
        <section className="card">
          {look.loading ? (
            <p>{t('frame.loading')}</p>
          ) : (
            <ProblemNotice problem={look.problem} retry={look.reload} />
          )}
        </section>
      )}
      <LanguageChoice />
    </main>
  )
}

function Refused() {
  const { t } = useTranslation()
  return (
    <section className="card">
      <img src="/icon.svg" width="36" height="36" alt="" />
      <h1>{t('link.refused')}</h1>
      <p className="soft">{t('link.refused.lead')}</p>
      <Command text="bastide login-link" />
      <Button onClick={() => goInstead('/login')}>{t('link.password_instead')}</Button>
    </section>
  )
}

function UseLink({ token, link }: { token: string; link: LookedAt }) {
  const { t } = useTranslation()
  const [passwords, setPasswords] = useState({ first: '', second: '' })
  const [change, setChange] = useState(!link.password_set)
  const [needed, setNeeded] = useState<SecondFactor | null>(null)
  const { busy, problem, run } = useAction()
  const enter = async () => {
    await meStore.load()
    goInstead('/')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      const second = await tryFirstStep(() => applyLink(token, change ? passwords.first : undefined))
      if (second) setNeeded(second)
      else await enter()
    })
  }
  if (needed) return <SecondStep needed={needed} done={enter} back={() => goInstead('/login')} />
  if (problem?.kind === 'link_refused') return <Refused />
  return (
    <form className="card" onSubmit={submit}>
      <img src="/icon.svg" width="36" height="36" alt="" />
      <h1>{t('link.welcome', { name: link.username })}</h1>
      <p className="soft">
        {link.password_set ? t('link.lead.set') : t('link.lead.first')} <Until at={link.expires} />
      </p>
      {problem && problem.kind !== 'weak_password' && <ProblemNotice problem={problem} />}
      {link.password_set && (
        <fieldset className="choices">
          <legend className="unseen">{t('link.choice')}</legend>
          <label>
            <input type="radio" name="keep" checked={!change} onChange={() => setChange(false)} />
            {t('link.keep')}
          </label>
          <label>
            <input type="radio" name="keep" checked={change} onChange={() => setChange(true)} />
            {t('link.change')}
          </label>
        </fieldset>
      )}
      {change && (
        <NewPassword username={link.username} passwords={passwords} change={setPasswords} problem={problem} />
      )}
      <Button
        type="primary"
        htmlType="submit"
        block
        loading={busy}
        disabled={change && !passwordsFit(passwords, link.username)}
      >
        {change ? t('link.submit.set') : t('link.submit')}
      </Button>
    </form>
  )
}
