# 托管页面的简体中文文本。有哪些消息，以 `en.ftl` 为准。

## 每个页面

languages = 语言
title-again = 错误：{ $title }
seal = Chancery 签印
fold-sign-in = 此处的每次登录都会记入 { $realm } 的日志。
fold-answer = 您的决定会记入 { $realm } 的日志。
fold-consent = 您允许的内容会记入 { $realm } 的日志，并且可以随时撤回。
fold-device = 在您看清是谁提出请求之前，不会连接任何设备。
fold-signed-out = 会话的结束会记入 { $realm } 的日志。
fold-error = 寻求帮助时，请提供上面的代码和请求编号。
continue = 继续
go-on = 继续
go-on-to = 继续前往 { $application }
cancel = 取消并返回
cancel-to = 取消并返回 { $application }
not-now = 以后再说

## 登录

sign-in = 登录
sign-in-lede = 以继续前往 <strong>{ $application }</strong>
username = 用户名或电子邮件地址
password = 密码
password-heading = 输入密码
code = 六位验证码
recovery-code = 恢复代码
code-heading = { $username }，还差一步
code-lede = 请输入身份验证器应用当前显示的验证码。
recovery-code-lede = 请输入您保存的一个恢复代码。每个代码只能使用一次。
passkey-button = 使用通行密钥登录
passkey-heading = 使用通行密钥
passkey-lede = 请使用您的设备或安全密钥登录。
passkey-lede-as = 请使用您的设备或安全密钥，以 <strong>{ $username }</strong> 的身份登录。
passkey-lede-to = 请使用您的设备或安全密钥登录，以继续前往 <strong>{ $application }</strong>。
passkey-lede-as-to = 请使用您的设备或安全密钥，以 <strong>{ $username }</strong> 的身份登录，以继续前往 <strong>{ $application }</strong>。
passkey-continue = 使用通行密钥继续
passkey-trouble = 未能完成。请重试，或换一种方式。
passkey-script = 通行密钥需要 JavaScript，而此浏览器已将其关闭。
use-password = 使用密码
use-passkey = 使用通行密钥
use-totp = 使用身份验证器应用的验证码
use-recovery-code = 使用恢复代码
use-federated = 使用其他账户登录
federated-continue = 使用 { $name } 继续
joining = 这里已经有一个使用此地址的账户。请证明它属于您；此后 { $name } 也可以让您登录该账户。
add-federated = 也使用其他账户登录
add-identity-lede = 在其中一处登录一次，此后它也可以让您在这里登录。
ready = 可以继续了
ready-lede = 前往 <strong>{ $application }</strong>

## 设置更多登录方式

enrol-totp = 设置身份验证器应用
enrol-totp-lede = 即使有人知道了您的密码，没有您的手机也无法登录。
enrol-totp-scan = 在手机上打开身份验证器应用，并扫描此图。
enrol-totp-picture = 二维码；下方有相同的密钥可供手动输入
enrol-totp-else = 无法扫描？
enrol-totp-link = 直接在手机上打开此链接
enrol-totp-key = 或在应用中输入此密钥：
enrol-totp-enter = 输入应用显示的验证码。
enrol-passkey = 设置通行密钥
enrol-passkey-lede = 有了通行密钥，您可以用指纹、面容或 PIN 登录。它无法被猜出，并且只在本网站有效。
device-name = 此设备的名称（选填）
passkey-name = 此通行密钥的名称（选填）
enrol = 设置并继续
enrol-passkey-instead = 改为设置通行密钥
enrol-totp-instead = 改为设置身份验证器应用
recovery-codes = 您的恢复代码
recovery-codes-heading = 请保存这些恢复代码
recovery-codes-lede = 如果手机丢失，您可以用其中任意一个代码登录一次。它们只在此时显示：请打印或抄写下来，并妥善保管。
recovery-codes-kept = 我已保存

## 已登录与退出

signed-in = 已登录
signed-in-heading = 您已登录
signed-in-as = 身份
signed-in-since = 登录时间
signed-in-advice = 您可以直接打开 { $realm } 的任何应用，无需再次登录。如果使用的是公用电脑，请在用完后退出登录。
add-passkey = 添加通行密钥
add-totp = 添加身份验证器应用
moment =
    { $year } 年 { $month ->
        [1] 1
        [2] 2
        [3] 3
        [4] 4
        [5] 5
        [6] 6
        [7] 7
        [8] 8
        [9] 9
        [10] 10
        [11] 11
       *[12] 12
    } 月 { $day } 日 { $clock }（UTC）
sign-out = 退出登录
sign-out-title = 退出登录？
sign-out-heading = 要退出 { $realm } 吗？
sign-out-asked = <strong>{ $application }</strong> 请求结束您的会话。您将在此浏览器中退出 { $realm } 的所有应用。
sign-out-advice = 您将在此浏览器中退出 { $realm } 的所有应用。
sign-out-stay = 保持登录
sign-out-close = 如需保持登录，请关闭此页面。
signed-out = 已退出登录
signed-out-heading = 您已退出登录
signed-out-advice = 您在 { $realm } 的会话已在此浏览器中结束。如果使用的是公用电脑，请同时关闭浏览器窗口。
signing-out = 正在退出登录
session = 会话

## 帐户

account = 您的帐户
account-lede = 您在 { $realm } 的帐户
account-overview = 概览
account-applications = 应用
fold-account = 此处的每项更改都会记入 { $realm } 的日志。
account-username = 用户名
account-email = 电子邮件
account-ways = 登录方式
account-since = 本次登录时间
way-password = 密码
way-passkeys =
    { $number ->
       *[other] { $number } 个通行密钥
    }
way-totp =
    { $number ->
       *[other] { $number } 个身份验证器应用
    }
way-recovery-codes =
    { $number ->
       *[other] { $number } 个恢复代码
    }
account-applications-none = 您尚未允许任何应用。当某个应用提出请求并经您允许后，会在此列出，您可以随时撤回。
account-applications-lede = 以下应用可以以您的名义执行所列操作。撤回后立即生效：该应用不再拥有访问权限，必须再次征得您的同意。
account-allowed = 允许于
account-switched-off = 目前已停用
account-withdraw = 撤回访问权限
account-withdraw-of = 撤回 { $application } 的访问权限
done-withdrawn = 已撤回访问权限
done-withdrawn-text = 该应用所获得的权限已失效。它可以再次向您请求。
account-stale = 页面已不是最新状态
account-stale-text = 没有任何更改。以下是目前的状态，请重试。
account-gone = 该项目已不存在
account-gone-text = 没有任何更改。以下是目前的状态。
way-federated =
    { $number ->
       *[other] { $number } 个其他网站的账户
    }
account-identities = 使用其他账户登录
account-identities-none = 您只使用这里已有的方式登录。
account-identities-lede = 您在其他网站的这些账户可以让您在这里登录。
account-identity-since = 添加于
account-identity-add = 再添加一个
account-remove = 移除
account-remove-of = 移除 { $name }
done-unlinked = 已移除
done-unlinked-text = 它不能再让您在这里登录。
account-last-way = 这是您最后一种登录方式
account-last-way-text = 未作任何更改。请先设置另一种登录方式。
account-unproven = 请先进一步证明您的身份
account-unproven-text = 未作任何更改。请使用您的第二重验证登录，然后重试。

## 返回应用

form-post = 正在返回
form-post-heading = 还差一步
form-post-lede = 您正在返回应用。
form-post-lede-to = 您正在返回 <strong>{ $application }</strong>。

## 应用可以做什么

consent = 允许 { $application }？
consent-new = 您已登录为 <strong>{ $username }</strong>。<strong>{ $application }</strong> 请求获得以下权限：
consent-again = 您已登录为 <strong>{ $username }</strong>。<strong>{ $application }</strong> 请您确认它仍然拥有以下权限：
consent-unvouched = 此应用是自行注册的，{ $realm } 无人为其名称担保。您允许的内容将发送到 <strong>{ $destination }</strong>。
consent-known = 您之前已允许以下权限，它们保持不变：
consent-allow = 允许
consent-deny = 拒绝
consent-about = 关于 { $application }
consent-privacy = 该应用的隐私政策
consent-terms = 该应用的服务条款
scope-openid = 通过 { $realm } 的标识符确认您的身份
scope-profile = 查看您的姓名、用户名、语言和时区
scope-profile-more = 查看您的姓名、用户名、语言和时区，以及 { $attributes }
scope-email = 查看您的电子邮件地址及其是否已验证
scope-phone = 查看您的电话号码及其是否已验证
scope-offline-access = 在您离开时仍保留此访问权限，直到您撤回为止
scope-manage = 在您自己的权限范围内，以您的名义管理 { $realm }
scope-other = 以您的名义使用“{ $name }”
claim-name = 查看您的全名
claim-given-name = 查看您的名字
claim-family-name = 查看您的姓氏
claim-preferred-username = 查看您的用户名
claim-locale = 查看您的语言
claim-zoneinfo = 查看您的时区
claim-email = 查看您的电子邮件地址
claim-email-verified = 查看您的电子邮件地址是否已验证
claim-phone-number = 查看您的电话号码
claim-phone-number-verified = 查看您的电话号码是否已验证
claim-other = 查看您的“{ $name }”

## 等待批准的设备

device = 连接设备
device-lede = 请输入设备上显示的代码。
device-code = 代码
device-confirm = 连接 { $application }？
device-asks = 一台显示代码 <strong>{ $code }</strong> 的设备请求代表 <strong>{ $username }</strong> 执行以下操作：
device-warning = 只有当这是您刚刚亲自发起的，并且您面前的设备显示相同的代码时，才请继续。如果代码是别人发给您的，请拒绝。
device-connect = 连接
device-refuse = 拒绝
device-connected-title = 已连接
device-connected = { $application } 已连接
device-connected-advice = 请回到您的设备：几秒钟后它会自动继续。您可以关闭此页面。
device-refused-title = 已拒绝
device-refused = 已拒绝 { $application }
device-refused-advice = 该设备未获得任何权限。您可以关闭此页面。
device-nowhere = 此代码无效
device-nowhere-advice = 请与设备上显示的代码核对。如果一致，请在设备上重新开始。
device-too-many-advice = 请等待半小时，然后在设备上重新开始。

## 登录时可能出现的问题

did-not-work = 未能成功
missing = 有内容未填写
missing-advice = 请填写所需的内容。
too-many = 尝试次数过多
busy = 系统繁忙
busy-advice = 您输入的内容没有问题。请过几秒钟再试。
stale = 此页面已过期
stale-advice = 页面打开时间过长，或被重复提交。请重新登录。
not-recognised = 用户名或密码不正确。请检查后重试。
wrong-code = 验证码不正确或已被使用。请等待下一个验证码后重试。
wrong-passkey = 无法使用此通行密钥登录：它可能已被移除、属于其他帐户，或者您的设备没有验证您的身份。请换一个通行密钥或换一种方式。
passkey-unverified = 您的设备没有验证您的身份。请在设备上设置 PIN、指纹或面容识别，然后重试。
passkey-unaccepted = 此处不接受这种通行密钥。请使用其他设备或安全密钥。
passkey-not-made = 未能设置通行密钥。它可能已经注册过。请重试。
unknown-identity = 这里没有您的账户
unknown-identity-advice = 您在那里的账户在这里没有对应的账户。请使用另一个账户，或换一种方式登录。
others-identity = 您在那里的账户属于这里的另一个账户。请使用另一个账户。
known-address = 已有使用您的地址的账户
known-address-advice = 请像以前一样登录，然后即可将这种登录方式添加到您的账户。
too-many-identities = 您添加的数量已达上限。请先移除一个。
provider-tells-too-little = 它没有提供这里的账户所需的全部信息，例如经过确认的电子邮件地址。请换一种方式登录。
provider-declined = 您没有登录
provider-declined-advice = 您没有在那里登录就返回了。请重试，或换一种方式。
provider-failed = 它提供的关于您的信息无法使用。请重试，或换一种方式登录。
provider-unavailable = 它目前没有正常响应。请换一种方式登录，或稍后重试。
wait-seconds =
    { $seconds ->
       *[other] 请等待 { $seconds } 秒后重试。
    }
wait-minutes =
    { $minutes ->
       *[other] 请等待 { $minutes } 分钟后重试。
    }

## 错误页面

error-code = 代码
error-request = 请求编号
error-developer = 供应用开发者参考
request = 无法处理此请求
request-message = 引导您来到此处的应用发出了无效的请求。请返回该应用重试；如果仍然不行，请联系其运营者。
application = 此处没有这个应用
application-message = 您打开的链接所指的应用不在此处登录，或已停止在此处登录。请返回原来的页面；如果您本应能够登录，请联系该应用的运营者。
way-back = 没有安全的返回途径
way-back-message = 您本应前往的地址并非该应用所注册的地址，因此没有跳转。如果您是通过陌生的消息或网站来到此处，请关闭此页面；否则请联系该应用的运营者。
not-signed-out = 您没有退出登录
not-signed-out-message = 引导您来到此处的应用发出了无效的请求，因此没有任何变化：如果您之前已登录，现在仍处于登录状态。请联系该应用的运营者。
unreadable = 无法读取此请求
unreadable-message = 请求的某一部分缺失、重复或过长。请返回原来的页面重新开始；如果仍然不行，请联系该应用的运营者。
stale-message = 页面打开时间过长、被重复提交，或在另一个浏览器中打开。请返回引导您来到此处的应用，重新开始。
unmet = 在此登录还需要更多验证
unmet-message = 您没有此处认可的第二种身份验证方式。请联系此服务的运营者。
nothing-here = 此处没有内容
nothing-here-message = 请检查地址，或返回原来的页面。
unavailable = 暂时无法使用
unavailable-message = 这不是您的问题。请过几秒钟再试。
internal = 出了点问题
internal-message = 这不是您的问题。请稍后再试；如果问题持续存在，请联系此服务的运营者。
other-method = 不能以这种方式使用此页面
other-method-message = 请返回原来的页面，重新开始。
not-for-you = 您无权查看此内容
not-for-you-message = 请返回原来的页面。

## 邮件

forgot-password = 忘记密码？
register = 注册
use-email = 通过电子邮件发送代码
wrong-mailed-code = 代码不正确或已失效：只有最后一封邮件中的代码有效，有效期十分钟，最多可尝试五次。请检查，或重新发送。
email-code-heading = 请查看您的邮箱
email-code-lede = 如果 { $username } 在此有帐户且电子邮件地址已验证，邮件正在发送。请输入其中的代码。
email-code = 邮件中的代码
email-code-again = 重新发送代码
way-email = 发送到您电子邮件地址的邮件
account-letters = 邮件
account-letters-link = 您的电子邮件地址
void-letter = 此链接已失效
void-letter-message = 它可能已过期、已被使用，或之后又发送了新邮件：只有最后一封有效。请回到请求它的地方，重新请求。
no-letters = 此处不提供
no-letters-message = 此服务不为此发送邮件。请询问管理人员。
