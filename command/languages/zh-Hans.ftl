# 托管页面的简体中文文本。有哪些消息，以 `en.ftl` 为准。

## 每个页面

languages = 语言
title-again = 错误：{ $title }
links = 链接
support = 帮助
privacy = 隐私
terms = 使用条款
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

## 账户

account = 您的账户
account-lede = 您在 { $realm } 的账户
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
account-withdraw-of = 撤回访问权限：{ $application }
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
done-letter = 邮件已发出
done-letter-text = 请输入邮件中的代码。也请查看垃圾邮件文件夹。
done-verified = 您的地址已验证
done-verified-text = 从现在起已确认该地址属于您。
done-asked = 邮件已发出
done-asked-text = 请输入邮件中的代码。目前尚未做任何更改。
done-half = 谢谢
done-half-text = 另一个地址也收到了邮件。输入其中的代码后，地址即会更改。
done-email = 您的地址已更改
done-email-text = 从现在起请使用新地址登录。
account-wrong-code = 代码不正确
account-wrong-code-text = 或者代码已失效：只有最后一封邮件中的代码有效，有效期十分钟，最多可尝试五次。
account-no-other-address = 这不是另一个地址
account-no-other-address-text = 请输入与现有地址不同的电子邮件地址。
account-missing = 缺少内容
account-missing-text = 请填写所要求的内容。
account-too-many-letters = 邮件过多
account-too-many-letters-text = 每半分钟最多一封，每小时最多五封。请查看您的邮箱（包括垃圾邮件文件夹），或稍候再试。
email-yours = 您的地址是 { $email }。
unverified = 未验证
email-unverified-text = 尚未确认该地址属于您。发送到该地址的代码可以证明这一点。
email-none = 您的账户没有电子邮件地址。
email-code-first = 发送代码
email-confirm = 这是我的地址
email-pending = 您的地址即将更改
email-pending-to = 新地址为 { $email }。
email-pending-text = 请输入邮件中的代码，可以逐个输入，也可以同时输入。代码十分钟内有效。
email-code-new = 发送到新地址的邮件中的代码
email-code-before = 发送到现有地址的邮件中的代码
email-change = 更改地址
email-other = 使用另一个地址
email-add = 添加地址
email-other-text = 代码会发送到新地址；如果现有地址已验证，也会发送到现有地址。在此输入代码之前，不会有任何更改。
email-new = 新的电子邮件地址
email-mail-codes = 发送代码
done-unlinked = 已移除
done-unlinked-text = 它不能再让您在这里登录。
account-profile = 个人资料
account-credentials = 登录方式与安全
account-password = 更换密码
account-sessions = 登录位置
account-devices = 设备
this-one = 当前
done-confirmed = 已确认是您本人
done-confirmed-text = 接下来十分钟内您可以更改登录方式。目前尚未做任何更改。
done-password = 密码已更改
done-password-text = 您已在其他所有位置退出登录。
done-renamed = 通行密钥已重命名
done-renamed-text = 其他内容没有变化。
done-passkey = 通行密钥已移除
done-passkey-text = 它不再能用于登录此处。请同时在您的设备上将其删除。
done-totp = 身份验证器应用已移除
done-totp-text = 其验证码已失效。请同时删除应用中的条目。
done-codes = 这是您的新恢复代码
done-codes-text = 之前的恢复代码已失效。
done-ended = 该浏览器已退出登录
done-ended-text = 在其中使用过的应用会收到通知。
done-others = 您已在其他所有位置退出登录
done-others-text = 在这些位置使用过的应用会收到通知。
done-profile = 个人资料已更改
done-profile-text = 应用下次查询时会看到更改。
done-device = 设备已命名
done-device-text = 其他内容没有变化。
done-trust = 已不再信任该设备
done-trust-text = 今后在该设备上登录需要第二重验证。
done-revoked = 设备已撤销
done-revoked-text = 持有该设备的人已被退出登录。如果您不认识该设备，请同时更改密码。
account-last-way = 您仍需要它
account-last-way-text = 这是您唯一的登录方式，或是此处要求的第二重验证。请先添加另一种方式。
account-bad-name = 名称无效
account-bad-name-text = 名称须为 1 至 60 个字符。
credentials-chosen = 设置于
credentials-no-password = 您没有密码。
credentials-change-password = 更改密码
credentials-choose-password = 设置密码
credentials-password = 您的密码
passkeys = 通行密钥
passkeys-none = 通行密钥让您通过设备的指纹、面容或 PIN 登录。您还没有通行密钥。
added = 添加于
passkey-synchronised = 可同步到您的其他设备
passkey-one-device = 仅限一台设备
new-name-of = { $name } 的新名称
rename = 重命名
rename-of = 重命名 { $name }
remove = 移除
remove-of = 移除 { $name }
totp = 身份验证器应用
totp-none = 手机上的应用会显示验证码，您在输入密码后再输入它。您还没有设置。
codes-left = 还剩 { $number } 个。
codes-made = 生成于
codes-none = 手机丢失时可凭恢复代码登录。您还没有恢复代码。
codes-new = 生成新的恢复代码
password-at-least = 至少 { $number } 个字符，种类不限：连续几个词既好记又难猜。
password-at-most = 最多 { $number } 个字符。
password-blocklist = 不接受许多人都在使用的密码。
password-ends-others = 您将在其他所有位置退出登录。
new-password = 新密码
new-password-again = 再次输入新密码
password-change = 更改密码并保存
password-not-taken = 该密码不被接受
password-missing = 请输入新密码两次。
password-differs = 两次输入不一致。请输入新密码两次。
weak-too-short = 请至少使用 { $number } 个字符。几个互不相关的词很容易记住。
weak-too-long = 请最多使用 { $number } 个字符。
weak-common = 这是许多人使用、也是攻击者最先尝试的密码。请另选一个。
weak-repetitive = 该密码重复使用少数几个字符。请选择更难猜的密码。
weak-sequential = 该密码按字母、数字或键盘顺序排列。请选择更难猜的密码。
weak-contextual = 该密码由您的姓名、电子邮件地址或本服务名称构成。请另选一个。
weak-breached = 该密码已在其他地方的数据泄露中出现，攻击者会尝试这类密码。请另选一个，并在您使用它的其他地方也一并更改。
sessions-lede = 以下浏览器在 { $realm } 已登录您的账户。
sessions-idle = 未使用的浏览器会在{ $span }后自动退出登录。
sessions-absolute = 任何浏览器都会在{ $span }后退出登录。
sessions-advice = 如有您不认识的浏览器，请将其退出登录并更改密码。
span-minutes = { $number } 分钟
span-hours = { $number } 小时
span-days = { $number } 天
session-began = 登录于
from-address = 来自 { $address }
session-used = 上次使用于
session-ends = 最迟结束于
session-used-for = 用于
session-end = 退出登录
session-end-of = 将 { $name }（登录于 { $since }）退出登录
sessions-end-others = 在其他所有位置退出登录
agent-on = { $system } 上的 { $name }
agent-system = { $system } 上的浏览器
agent-unknown = 未知浏览器
devices-lede = 这些是您登录过的浏览器。如有您不认识或已不再拥有的，请将其撤销：持有者会立即被退出登录。
devices-none = 目前还没有已知设备：您下次登录后，当前设备会列在此处。
known-device-first = 首次登录于
known-device-last = 上次登录于
known-device-trusted = 在此之前无需第二重验证：
known-device-name = { $name } 的名称
known-device-give = 命名
known-device-give-of = 为 { $name } 命名
known-device-untrust = 不再信任
known-device-untrust-of = 不再信任 { $name }
known-device-revoke = 撤销
known-device-revoke-here = 撤销并退出登录
known-device-revoke-of = 撤销 { $name }
known-device-revoke-here-of = 撤销并退出登录：{ $name }
trust-device = 在此设备上 { $number } 天内不再询问。仅当无人共用此设备时才勾选。
profile-wrong = 有内容不符合要求
profile-wrong-text = 没有任何更改。请查看标出的内容后重试。
profile-name = 全名
profile-given-name = 名
profile-family-name = 姓
profile-locale = 首选语言
profile-locale-hint = 使用语言代码，例如 en 或 de-CH
profile-zoneinfo = 时区
profile-zoneinfo-hint = 例如 Europe/Zurich
profile-not-said = 未填写
yes = 是
no = 否
save = 保存
profile-signs-in = 登录名
verified = 已验证
profile-no-email = 无
fault-taken = 此名称已被他人使用。
fault-required = 此项为必填。
fault-locale = 这不是有效的语言代码，例如 de-CH。
fault-zoneinfo = 这不是有效的时区，例如 Europe/Zurich。
fault-other = 此内容在这里无效。

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
wrong-passkey = 无法使用此通行密钥登录：它可能已被移除、属于其他账户，或者您的设备没有验证您的身份。请换一个通行密钥或换一种方式。
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
too-many-requests = 请求过多
too-many-requests-message = 短时间内请求过多。请稍候再试。
unavailable = 暂时无法使用
unavailable-message = 这不是您的问题。请过几秒钟再试。
internal = 出了点问题
internal-message = 这不是您的问题。请稍后再试；如果问题持续存在，请联系此服务的运营者。
other-method = 不能以这种方式使用此页面
other-method-message = 请返回原来的页面，重新开始。
not-for-you = 您无权查看此内容
not-for-you-message = 请返回原来的页面。

## 通过邮件

forgot-password = 忘记密码？
register = 注册
use-email = 通过电子邮件发送代码
use-sms = 向我的手机发送代码
wrong-mailed-code = 代码不正确或已失效：只有最后一封邮件中的代码有效，有效期十分钟，最多可尝试五次。请检查，或重新发送。
wrong-texted-code = 代码不正确或已失效：只有最后一条短信中的代码有效，有效期十分钟，最多可尝试五次。请检查，或重新发送。
email-code-heading = 请查看您的邮箱
email-code-lede = 如果 { $username } 在此有账户且电子邮件地址已验证，邮件正在发送。请输入其中的代码。
email-code = 邮件中的代码
email-code-again = 重新发送代码
way-email = 发送到您电子邮件地址的邮件
text-code-heading = 请查看您的手机
text-code-lede = 含有代码的短信正在发送到您尾号为 { $destination } 的号码。请输入其中的代码，不要告诉任何人。
text-code = 短信代码
text-code-again = 再发送一个代码
way-sms = 发送到您电话号码的短信
void-letter = 此链接已失效
void-letter-message = 它可能已过期、已被使用，或之后又发送了新邮件：只有最后一封有效。请回到请求它的地方，重新请求。
no-letters = 此处不提供
no-letters-message = 此服务不为此发送消息。请询问管理人员。
email-address = 电子邮件地址
back-to-sign-in = 返回登录
on-to-sign-in = 前往登录
too-many-letters = 邮件过多
too-many-letters-advice = 每半分钟最多一封，每小时最多五封。请查看您的邮箱（包括垃圾邮件），或稍候。
unfit = 有内容不符合要求
unfit-advice = 请重新填写：{ $name }。
unfit-realm = 此处的账户需要此表单中没有的信息。请告知此服务的运营者。
recover-lede = 请说明您是谁。一封含有链接的邮件将发送到您账户的地址，您可以通过该链接设置新密码。
recover-button = 发送链接
recover-sent = 如果存在使用此名称且有电子邮件地址的账户，邮件正在发送。其中的链接在十五分钟内有效。
recover-nothing = 没有收到？请查看垃圾邮件、检查名称，或询问此服务的运营者。
register-lede = 一封含有代码的邮件将发送到您的地址，以确认它属于您。
register-known = 已有账户？登录
register-sent = 邮件正在发送到该地址。请输入其中的代码，或打开其中的链接。
register-again = 更换地址或重新发送
register-details = 您的账户将使用地址 { $account }。
registered = 您已注册
registered-text = 请使用您的地址和密码登录。
unfit-address = 无法使用此地址
unfit-address-advice = 这不是电子邮件地址，或不能用它在此注册。
unfit-password = 请另选一个密码
set-password = 设置新密码
set-password-lede = 它将成为账户 { $account } 的密码。现有的会话都会结束。
set-password-button = 设置密码
password-set = 密码已设置
password-set-text = 从现在起，请使用它登录。
invited = 欢迎
invited-lede = 请为您的账户 { $account } 设置密码。
email-mine = 这是我的地址
email-question = 这是您的地址吗？
email-question-lede = 请确认收到邮件的地址是账户 { $account } 的地址。
email-new-lede = 账户 { $account } 将使用收到邮件的地址。
email-change-question = 要更改地址吗？
email-before-lede = 账户 { $account } 将使用另一个电子邮件地址，代替收到邮件的地址。
email-confirmed = 地址已确认
email-confirmed-text = 从现在起，已确认它属于您。
email-changed = 地址已更改
email-changed-text = 从现在起，请使用新地址登录。
email-half = 谢谢
email-half-text = 另一个地址也收到了邮件。在那里也确认之后，地址就会更改。
account-phone = 电话号码
phone-yours = 您的号码是 { $destination }。
phone-unverified-text = 尚未确认是否属于您。发送到该号码的代码可以证明。
done-text = 短信正在发送
done-text-text = 请输入短信中的代码。
done-phone = 您的号码已验证
done-phone-text = 从现在起已确认该号码属于您。
account-too-many-texts = 短信过多
account-too-many-texts-text = 每半分钟最多一条，每小时最多五条。请稍候再试。
phone-none = 您的账户没有电话号码。
phone-code = 短信中的代码
phone-mine = 这是我的号码
phone-code-send = 发送代码
phone-code-again = 重新发送代码
phone-another = 更换号码
phone-new = 新的电话号码，含国家代码（+86 …）
phone-another-send = 使用此号码
account-no-other-number = 这不是其他号码
account-no-other-number-text = 请输入与现有号码不同的电话号码，含国家代码，例如 +86 138 0013 8000。
letter-here = 请从您开始的地方继续。
letter-code = 您的代码
letter-elsewhere = 您是在另一个浏览器中开始登录的。请在那里输入此代码；此浏览器不会登录。
letter-not-begun = 如果您没有开始登录，请关闭此页面，并且不要将代码告诉任何人。

## 邮件本身

duration-minutes =
    { $number ->
       *[other] { $number } 分钟
    }
duration-hours =
    { $number ->
       *[other] { $number } 小时
    }
duration-days =
    { $number ->
       *[other] { $number } 天
    }
letter-was-me = 如果是您本人操作，则无需处理。
letter-was-not-me = 如果不是，可能有人进入了您的账户：请更改密码，并告知 { $realm } 的运营者。
letter-not-asked = 如果不是您本人的请求，则无需处理。无论谁索要，都不要将代码或链接告诉他人。
letter-taken = 您在 { $realm } 已有账户
letter-taken-text = 有人（也许是您）想用此地址在 { $realm } 开设账户。此地址已有账户：请用它登录。
letter-taken-else = 如果忘记了密码，请在登录页面重新设置。如果不是您本人，则无需处理。
letter-password-changed = 您在 { $realm } 的密码已更改
letter-password-changed-text = { $realm } 的账户 { $account } 的密码已于 { $when } 更改。此前的所有会话均已结束。
letter-email-changed = 您在 { $realm } 的电子邮件地址已更改
letter-email-changed-text = { $realm } 的账户 { $account } 自 { $when } 起使用另一个电子邮件地址。此地址不再用于该账户。
letter-totp-added = { $realm }：已添加身份验证器应用
letter-totp-added-text = 已于 { $when } 为 { $realm } 的账户 { $account } 添加身份验证器应用。
letter-totp-removed = { $realm }：已移除身份验证器应用
letter-totp-removed-text = 已于 { $when } 从 { $realm } 的账户 { $account } 移除身份验证器应用。
letter-passkey-added = { $realm }：已添加通行密钥
letter-passkey-added-text = 已于 { $when } 为 { $realm } 的账户 { $account } 添加通行密钥。
letter-passkey-removed = { $realm }：已移除通行密钥
letter-passkey-removed-text = 已于 { $when } 从 { $realm } 的账户 { $account } 移除通行密钥。
letter-recovery-codes-made = { $realm }：新的恢复代码
letter-recovery-codes-made-text = 已于 { $when } 为 { $realm } 的账户 { $account } 生成恢复代码。此前的代码不再有效。
letter-recovery-codes-removed = 您在 { $realm } 的恢复代码已移除
letter-recovery-codes-removed-text = { $realm } 的账户 { $account } 的恢复代码已于 { $when } 移除。
letter-email-verification = 这是您的电子邮件地址吗？{ $realm }
letter-email-verification-text = 请确认这是 { $realm } 的账户 { $account } 的电子邮件地址：在要求输入的地方输入此代码，或打开链接。两者在 { $duration }内有效。
letter-email-change = 您在 { $realm } 的新电子邮件地址
letter-email-change-text = { $realm } 的账户 { $account } 将使用此电子邮件地址。请确认它是您的：在要求输入的地方输入此代码，或打开链接。两者在 { $duration }内有效。
letter-email-change-before = 要更改您在 { $realm } 的电子邮件地址吗？
letter-email-change-before-text = 登录 { $realm } 账户 { $account } 的人想用另一个电子邮件地址代替此地址。如果是您，请在要求输入的地方输入此代码，或打开链接。两者在 { $duration }内有效。
letter-email-change-before-else = 如果不是您，请不要操作，并更改密码：没有您的同意，什么都不会改变。
letter-sign-in = 您的 { $realm } 代码
letter-sign-in-text = 输入此代码以登录 { $realm }。它在 { $duration }内、在您请求它的窗口中有效。
letter-password-recovery = 在 { $realm } 设置新密码
letter-password-recovery-text = 打开链接，为 { $realm } 的账户 { $account } 设置新密码。链接只能使用一次，{ $duration }内有效。
letter-password-recovery-button = 设置新密码
letter-registration = 您在 { $realm } 的注册
letter-registration-text = 要用此电子邮件地址在 { $realm } 注册，请在要求输入的地方输入此代码，或打开链接。两者在 { $duration }内有效。
letter-invitation = 邀请您加入 { $realm }
letter-invitation-text = { $realm } 有为您准备的账户：{ $account }。打开链接为它设置密码。链接只能使用一次，{ $duration }内有效。
letter-invitation-button = 接受
letter-phone-changed = 您在 { $realm } 的电话号码已更改
letter-phone-changed-text = { $realm } 的账户 { $account } 自 { $when } 起使用另一个电话号码，或不再有电话号码。
letter-device-added = 有新设备登录 { $realm }
letter-device-added-text = 有人于 { $when } 在一台未知设备上登录了 { $realm } 的账户 { $account }：{ $what }。
letter-identity-linked = 现在可以通过 { $what } 登录 { $realm }
letter-identity-linked-text = 已于 { $when } 将一个 { $what } 账户关联到 { $realm } 的账户 { $account }，可用它登录。
letter-identity-unlinked = 不能再通过 { $what } 登录 { $realm }
letter-identity-unlinked-text = 已于 { $when } 解除 { $what } 账户与 { $realm } 的账户 { $account } 的关联，不能再用它登录。
text-phone-verification = { $code } 是您的 { $realm } 代码，{ $duration }内有效。
text-sign-in = { $code } 是您登录 { $realm } 的代码，{ $duration }内有效。
